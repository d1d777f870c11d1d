from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from renderer.compiled import is_first_run


def test_a_kernel_is_compiled_once(tmp_path: Path) -> None:
    path = tmp_path / "loops.py"
    path.write_text("from renderer.compiled import kernel\n\n@kernel\ndef double(x):\n    return 2 * x\n")

    def loaded() -> object:
        spec = spec_from_file_location("loops", path)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.double

    double = loaded()
    assert is_first_run([double])
    assert double(21) == 42  # type: ignore[operator]  # a compiled function
    assert not is_first_run([loaded()])
