import errno
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from renderer.compiled import _CheckedFiles, is_first_run


def loaded(path: Path) -> Any:
    """Load a compiled function from a module, as a new process would."""
    path.write_text("from renderer.compiled import kernel\n\n@kernel\ndef double(x):\n    return 2 * x\n")
    spec = spec_from_file_location("loops", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.double


def test_a_kernel_is_compiled_once(tmp_path: Path) -> None:
    path = tmp_path / "loops.py"
    double = loaded(path)
    assert is_first_run([double])
    assert double(21) == 42
    again = loaded(path)
    assert not is_first_run([again])
    assert again(21) == 42
    assert sum(again.stats.cache_hits.values()) == 1


def _truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(byte ^ 0xFF for byte in content[middle : middle + 64]) + content[middle + 64 :]


@pytest.mark.parametrize("damaged", [_truncated, _flipped, lambda _: b""])
@pytest.mark.parametrize("pattern", ["*.nbi", "*.nbc"])
def test_a_kernel_with_a_damaged_cache_file_is_compiled_again(tmp_path: Path, pattern: str, damaged: Any) -> None:
    path = tmp_path / "loops.py"
    assert loaded(path)(21) == 42
    (file,) = (tmp_path / "__pycache__").glob(pattern)
    file.write_bytes(damaged(file.read_bytes()))
    repaired = loaded(path)
    assert repaired(21) == 42
    assert not repaired.stats.cache_hits
    again = loaded(path)
    assert again(21) == 42
    assert sum(again.stats.cache_hits.values()) == 1


def test_a_kernel_that_can_not_be_cached_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_CheckedFiles, "_dump", full)
    assert loaded(tmp_path / "loops.py")(21) == 42
    assert not list(tmp_path.glob("__pycache__/*.nb*"))
