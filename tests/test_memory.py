"""Measuring the memory of a process and of those that it has started."""

import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from renderer import memory
from renderer.memory import MemoryMeter, family_memory

HELD = 100_000_000

GRANDCHILD = f"held = bytearray(b'x') * {HELD}; print('ready', flush=True); input()"
CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {GRANDCHILD!r}])"


@pytest.mark.parametrize("platform", [sys.platform, "other"])
def test_the_memory_of_a_process_includes_what_its_children_have_started(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "sys", SimpleNamespace(platform=platform))
    before = family_memory()
    children: list[subprocess.Popen[str]] = []

    def start() -> None:
        children.append(
            subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )

    thread = threading.Thread(target=start)  # which has ended when the memory is measured
    thread.start()
    thread.join()
    with children[0] as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        during = family_memory()
        child.communicate("\n")
    assert HELD < during - before < 2 * HELD
    assert family_memory() - before < HELD / 2


def test_a_meter_keeps_the_largest_measurement() -> None:
    with MemoryMeter() as meter:
        held = bytearray(b"x") * HELD
        most = meter.measure()
        del held
        assert meter.measure() < most - HELD / 2
    assert meter.peak_bytes >= most > HELD
