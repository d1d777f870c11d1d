"""Functions called in separate processes."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import psutil
import pytest
from conftest import wait_until

from renderer import resource_limits
from renderer.child_processes import ChildError
from renderer.resource_limits import call_limited

call = partial(call_limited, seconds=60, memory=2_000_000_000)


@pytest.fixture
def _not_interrupted() -> Iterator[None]:
    yield
    resource_limits.interrupted.clear()


def test_results_and_errors_are_returned() -> None:
    assert call(partial(divmod, 7, 3)) == (2, 1)
    with pytest.raises(ZeroDivisionError):
        call(partial(divmod, 7, 0))


def test_time_is_limited() -> None:
    with pytest.raises(ChildError, match="longer than 1 seconds") as caught:
        call_limited(partial(time.sleep, 60), seconds=1, memory=2_000_000_000)
    assert not caught.value.crashed


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
def test_memory_is_limited() -> None:
    with pytest.raises(MemoryError):
        call_limited(partial(np.zeros, 600_000_000, np.uint8), seconds=60, memory=500_000_000)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_crash_is_distinguished_from_being_killed() -> None:
    with pytest.raises(ChildError, match="crash") as caught:
        call(os.abort)
    assert caught.value.crashed


@pytest.mark.usefixtures("_not_interrupted")
def test_an_interruption_ends_the_calls_of_all_threads() -> None:
    with ThreadPoolExecutor(1) as threads:
        sleeping = threads.submit(call, partial(time.sleep, 60))
        wait_until(lambda: resource_limits._running)
        resource_limits.interrupt()
        with pytest.raises(ChildError):
            sleeping.result(timeout=20)
        with pytest.raises(ChildError, match="interrupted"):  # no new call starts
            threads.submit(call, partial(time.sleep, 60)).result(timeout=20)


@pytest.mark.skipif(sys.platform != "linux", reason="on other systems it ends after its call")
def test_a_call_ends_when_its_parent_is_killed() -> None:
    code = (
        "import time; from functools import partial; from renderer.resource_limits import call_limited;"
        "call_limited(partial(time.sleep, 100), seconds=100, memory=10**9)"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        process = psutil.Process(parent.pid)
        wait_until(process.children)
        children = process.children()
        time.sleep(1)  # it is sleeping by now; if not, its input ends before
        parent.kill()
        assert not psutil.wait_procs(children, timeout=20)[1]
