"""Presets: the included ones, the user's own, and the messages for invalid ones."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from renderer.encoder import Probe, Sound
from renderer.errors import InputError
from renderer.preset import load_preset, preset_files
from renderer.rules import PlatformRules, check_rules

pytestmark = pytest.mark.usefixtures("shared_cache")

Run = Callable[..., tuple[int, str, str]]

TIME_AND_SIZE = {"size", "shapes", "min_side", "min_seconds"}
"""Rules that the small and short videos of these tests can't pass."""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the user's own presets."""
    folder = tmp_path / "presets"
    folder.mkdir()
    monkeypatch.setenv("MOSAIC_RENDERER_PRESETS", str(folder))
    return folder


def write(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.toml").write_text(text, "utf-8")


@pytest.mark.parametrize("name", sorted(preset_files()))
def test_a_video_of_a_preset_passes_the_rules_of_its_platform(render: Run, cover: Path, name: str) -> None:
    preset = load_preset(name)
    assert preset.description
    assert preset.rules is None or preset.table["as_of"] >= "2026-11"
    words = ("zoom", cover, "--preset", name, "--size", "96x64", "--columns", "12", "--duration", "0.4")
    code, out, err = render(*words, "--json")
    assert code == 0, err
    result = json.loads(out)
    assert Path(result["output"]).stem == f"china-zoom-{name}"
    broken = {item["rule"] for item in result["checks"] if not item["kept"]}
    assert broken <= TIME_AND_SIZE
    assert len(result["checks"]) == (len(preset.rules.required()) if preset.rules else 0)


@pytest.mark.usefixtures("own_cache")
def test_several_presets_share_one_matching(render: Run, cover: Path) -> None:
    words = ("zoom", cover, "--columns", "12", "--duration", "0.4", "--for", "instagram-square", "--for", "whatsapp")
    code, out, _ = render(*words, "--draft", "-o", "out", "--json")
    assert code == 0
    videos = json.loads(out)["videos"]
    assert [Path(video["output"]).name for video in videos] == [
        "china-zoom-instagram-square.mp4", "china-zoom-whatsapp.mp4",
    ]  # fmt: skip
    assert [(video["width"], video["height"]) for video in videos] == [(640, 640), (640, 428)]
    assert "matching" in videos[0]["seconds"]
    assert "matching" not in videos[1]["seconds"]
    code, _, err = render(*words, "-o", "out/{preset}-{cover}.mp4", "--draft", "--frames", "0-1")
    assert code == 0, err
    assert {path.name for path in Path("out").iterdir()} >= {"whatsapp-china.mp4", "instagram-square-china.mp4"}


def test_presets_with_different_matching_cannot_share_a_credits_file(render: Run, cover: Path, own: Path) -> None:
    (own / "few.toml").write_text("columns = 6")
    (own / "more.toml").write_text("columns = 8")
    words = ("zoom", cover, "--draft", "--duration", "0.2", "--for", "few", "--for", "more", "-o", "out")
    code, _, err = render(*words, "--credits", "it.txt")
    assert (code, "it.txt is for one mosaic, but these presets make 2: render one preset at a time" in err) == (
        2,
        True,
    ), err
    assert not Path("it.txt").exists()
    assert render(*words)[0] == 0


def test_check_reports_rules_that_a_video_breaks(render: Run, cover: Path) -> None:
    words = ("zoom", cover, "--size", "96x64", "--columns", "12", "--duration", "0.4", "--b-frames", "0")
    assert render(*words, "--profile", "main", "-o", "good.mp4")[0] == 0
    assert render(*words, "--profile", "high", "-o", "bad.mp4")[0] == 0
    assert render("check", "good.mp4", "--preset", "whatsapp")[0] == 0
    code, out, _ = render("check", "bad.mp4", "--for", "whatsapp", "--json")
    assert code == 1
    assert [item["rule"] for item in json.loads(out)["checks"] if not item["kept"]] == ["profiles"]


def test_the_command_line_overrides_a_preset(render: Run, cover: Path, own: Path) -> None:
    write(
        own,
        "mine",
        'extends = "draft"\nfps = 10\nsize = "96x64"\ncolumns = 12\nduration = 0.4\n\n[zoom]\ndirection = "out"\n',
    )
    code, out, _ = render("zoom", cover, "--preset", "mine", "--fps", "20", "-o", "it.webm", "--json")
    assert code == 0
    result = json.loads(out)
    assert (result["fps"], result["width"], result["cells"], result["frames"]) == ("20/1", 96, 96, 8)


def test_own_presets_replace_and_extend_included_ones(own: Path) -> None:
    write(own, "draft", 'extends = "draft"\nfps = 10\n\n[rules]\nmax_fps = 12\n')
    write(own, "next", 'extends = "draft"\nlong_side = 320\n\n[rules]\nformats = ["mp4"]\n')
    found = load_preset("next")
    assert found.values == {"long_side": 320, "fps": Fraction(10), "quality": "draft"}
    assert found.rules == PlatformRules(formats=("mp4",), max_fps=12)
    write(own, "copy", found.as_toml())
    copied = load_preset("copy")
    assert (copied.values, copied.rules) == (found.values, found.rules)


def test_a_preset_may_have_sound_settings_without_music(render: Run, cover: Path, own: Path) -> None:
    write(own, "quiet", 'loudness = -20\nmusic_fade = 2\nsize = "96x64"\ncolumns = 12\n')
    code, out, err = render("zoom", cover, "--preset", "quiet", "--dry-run")
    assert (code, "96x64" in out) == (0, True), err


def test_a_preset_may_contain_a_timeline(render: Run, cover: Path, own: Path) -> None:
    tables = '[[timeline]]\nanimation = "zoom"\nseconds = 0.3\nfocus = "0.4,0.3"\n\n[[timeline]]\nanimation = "hold"\nseconds = 0.2\n'
    write(own, "trailer", f'size = "96x64"\ncolumns = 12\nfps = 10\nanimation = "show"\n\n{tables}')
    write(own, "longer", 'extends = "trailer"\n')
    code, out, err = render("show", cover, "--preset", "longer")
    assert (code, "5 frames" in out) == (0, True), err
    code, _, err = render("reveal", cover, "--preset", "longer", "--duration", "0.5")
    assert code == 0
    assert "reveal has no parameter timeline: the value of preset longer is ignored\n" in err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fps = 10\nsizes = '9x9'\n", "mine.toml, line 2: there is no option sizes: did you mean size?"),
        ("fps = 10\n\nsize = '3y'\n", "mine.toml, line 3: size = 3y is not a size: give two whole numbers"),
        ("hold-start = 3\n", "mine.toml, line 1: there is no option hold-start"),
        ("covered = '0.5,0,0.5,0'\n", "mine.toml, line 1: covered = 0.5,0,0.5,0 leaves too little of the frame free"),
        ("# a comment\nfps = 500\n", "mine.toml, line 2: fps = 500 is out of range: it must be from 1 to 240 frames per second"),
        ("codec = 'h265'\n", "mine.toml, line 1: codec = h265 is not one of h264, hevc, av1, vp9, prores: did you mean h264?"),
        ("max_uses = 2.5\n", "mine.toml, line 1: max_uses = 2.5 is not a whole number"),
        ("tone = 'much'\n", "mine.toml, line 1: tone = much is not a number or auto"),
        ("size = 1080\n", "size = 1080 is not a size: give two whole numbers, such as 1080x1920"),
        ("unique = 'perhaps'\n", "unique = perhaps is not true or false"),
        ("tiles = [3, []]\n", "mine.toml, line 1: tiles = [3, []] is not a list, each item text"),
        ("logo = []\n", "logo = [] is not a path"),
        ("[rules]\nmax_fp = 3\n", "mine.toml, line 2: there is no parameter max_fp: did you mean max_fps?"),
        ("[rules]\nmax_fps = 'fast'\n", "mine.toml, line 2: max_fps = fast is not a number"),
        ("fps = 10\n\n[zom]\nfocus = 1\n", "mine.toml, line 3: there is no animation zom: did you mean zoom?"),
        ("[zoom]\n\neasing = 'wild'\n", "mine.toml, line 3: easing = wild is not one of linear, "),
        ("animation = 'zom'\n", "mine.toml, line 1: there is no animation zom: did you mean zoom?"),
        ("fps = \n", "mine.toml is not TOML"),
        ("extends = 'mine'\n", "extends must be the name of another preset, without a cycle"),
        ("extends = 'tik-tok'\n", "there is no preset tik-tok: did you mean tiktok?"),
        ("rules = 3\n", "mine.toml, line 1: rules must be a table: write [rules]"),
        ("description = 3\n", "mine.toml, line 1: description must be text"),
        ("[[timeline]]\nanimation = 'zoom'\n", "seconds is missing: add seconds = 5"),
    ],
)  # fmt: skip
def test_a_message_about_a_preset_has_its_line(own: Path, text: str, message: str) -> None:
    write(own, "mine", text)
    with pytest.raises(InputError) as caught:
        load_preset("mine")
    assert message in str(caught.value)


def test_a_value_may_have_one_of_several_types(own: Path) -> None:
    write(own, "half", "tone = 0.5\n")
    write(own, "whole", "tone = 'auto'\n")
    assert [load_preset(name).values for name in ("half", "whole")] == [{"tone": 0.5}, {"tone": "auto"}]


def test_every_rule_can_pass_and_fail() -> None:
    good = Probe(
        "mp4", "h264", "High", "avc1", "yuv420p", "tv", 1080, 1920, Fraction(30), 300, 10.0, 5_000_000, b_frames=2,
        gop=60, fast_start=True, edit_list=False, loops=True, sound=Sound("aac", "LC", 48000, "stereo", 10.0),
    )  # fmt: skip
    bad = Probe(
        "avi", "mpeg4", "Simple", "xvid", "yuv444p", "pc", 100, 90, None, 9, 1000.0, 10**10, b_frames=9,
        gop=10_000, fast_start=False, edit_list=True, loops=False, sound=Sound("mp3", "", 96000, "mono", 10.0),
    )  # fmt: skip
    rules = PlatformRules(
        formats=("mp4",), codecs=("h264",), tags=("avc1",), profiles=("High",), pixel_formats=("yuv420p",),
        size=(1080, 1920), shapes=("9:16",), min_side=720, max_side=1920, min_fps=23, max_fps=60, min_seconds=3,
        max_seconds=60, max_bit_rate=25, max_b_frames=2, max_gop_seconds=2, fast_start=True, no_edit_list=True,
        loops=True, sound_codecs=("aac",), max_sound_rate=48000,
    )  # fmt: skip
    assert all(each.kept for each in check_rules(good, rules))
    assert {each.rule for each in check_rules(bad, rules) if each.kept} == {
        "max_side",
        "min_seconds",
        "max_gop_seconds",
    }
    assert [each.rule for each in check_rules(good, rules)] == rules.required()
