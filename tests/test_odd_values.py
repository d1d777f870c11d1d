"""No combination of options and odd values causes an unexpected error."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples import commands

Run = Callable[..., tuple[int, str, str]]

ODD = [
    "", " ", "0", "-1", "1", "7", "nan", "inf", "1e999", "0.5", "99999999999999999999", "x", "1x1", "0x0", "9x9x9", "²x²", "½", "٣",
    "0,0", "0.1,0.9", "a,b", "0,0,0,0", "1/0", "30000/1001", "%d%d.png", "%99999999d.png", "{", "{}", "{0}", "{cover.x}.mp4",
    "{cover:>999999999}", ".", "..", "/", "~", "~no-one", "china.jpg", "text.jpg", "folder", "folder/*", "[", "**", "a\nb", "\x1b[31m",
    "caf\udce9", "\x00", "x" * 300, "it.gif", "it.mp4", "frames/%05d.png", "-", "--", "zoom 1s", "zoom 1s focus=", "hold 1s",
    "#12", "rgb(999)", "hsl(1e9,1%,1%)", "2024-13", "0000", "1cm", "1e5x1e5cm", "5MB", "0B", "9" * 400 + "MB", "1-0", "0-0", "auto",
]  # fmt: skip


@cache
def options() -> dict[str, list[str]]:
    """The options of the commands with a dry run, by command."""
    return {
        command: sorted(
            name
            for option in commands()[command].options
            for name in option.all_names
            if name.startswith("--") and name not in ("--open", "--verbose")
        )
        for command in ("zoom", "reveal", "disperse", "show", "mosaic")
    }


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    command = draw(st.sampled_from(sorted(options())))
    some = draw(st.lists(st.tuples(st.sampled_from(options()[command]), st.sampled_from(ODD)), min_size=1, max_size=3))
    cover = draw(st.sampled_from([["china.jpg"]] * 4 + [[], ["text.jpg"], ["\x00"], ["caf\udce9"], [""]]))
    return [command, *cover, "--dry-run", *(f"{option}={value}" for option, value in some)]


@settings(max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=lines())
def test_no_option_value_causes_an_unexpected_error(render: Run, cover: Path, words: list[str]) -> None:
    if not Path("folder").exists():
        Path("china.jpg").write_bytes(cover.read_bytes())
        Path("text.jpg").write_text("holiday\n")
        Path("folder").mkdir()
    code, _, err = render(*words)
    assert code in (0, 2), err
    assert "unexpected" not in err, err
    assert "Traceback" not in err, err
