"""Titles and logos."""

import io
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from conftest import StageFactory, difference
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from profiles import WIDE, profile

from renderer.compositor import Compositor
from renderer.errors import InputError
from renderer.fonts import BOLD_FONT
from renderer.messages import as_argument, spelled
from renderer.overlay import OverlaySettings, check_overlay, with_overlay
from renderer.pictures import Pixels
from renderer.preset import load_preset, preset_files
from renderer.scene import Scene, Stage
from renderer.textures import Textures

SIZES = {"16:9": (320, 180), "1:1": (200, 200), "9:16": (180, 320)}


@pytest.fixture(params=SIZES.values(), ids=SIZES)
def stage(stage_factory: StageFactory, request: pytest.FixtureRequest) -> Iterator[Stage]:
    made = replace(stage_factory.stage(request.param, seconds=4.0), background=(0.2, 0.3, 0.4))
    yield made
    made.textures.close()


@pytest.fixture(scope="module")
def plain(stage_factory: StageFactory) -> Iterator[Stage]:
    """A stage for tests that set the frame size themselves."""
    made = replace(stage_factory.stage((320, 180), seconds=4.0), background=(0.2, 0.3, 0.4))
    yield made
    made.textures.close()


def drawn(stage: Stage, settings: OverlaySettings, progress: float = 0.5) -> Pixels:
    """An overlay drawn on a plain background."""

    def empty(_progress: float) -> Scene:
        return stage.scene(stage.whole_camera())

    with closing(Compositor(*stage.frame, stage.textures)) as compositor:
        return compositor.still(with_overlay(empty, stage, settings)(progress))


def background(stage: Stage) -> Pixels:
    return np.full((stage.frame[1], stage.frame[0], 3), (51, 77, 102), np.uint8)


def box(stage: Stage, settings: OverlaySettings) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the clearly visible part of an overlay."""
    changed = difference(drawn(stage, settings), background(stage)).max(axis=2) > 60
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@pytest.mark.parametrize(
    "title",
    [
        "Hej",
        "A holiday of two thousand pictures, in the mountains and at the sea",
        "Две строки\\nΔύο",
        "Donaudampfschifffahrtsgesellschaftskapitän",
    ],
)
@pytest.mark.parametrize("position", ["top", "middle", "bottom"])
def test_a_title_stays_within_the_margins(stage: Stage, title: str, position: str) -> None:
    settings = OverlaySettings(title=title, title_at=position)  # type: ignore[arg-type]  # a literal of the table
    left, top, right, bottom = box(stage, settings)
    width, height = stage.frame
    margin = round(settings.margin * min(stage.frame))
    assert margin - 1 <= left
    assert right <= width - margin + 1
    assert abs(left + right - width) < 0.04 * width  # centred
    assert {"top": top, "middle": margin, "bottom": height - bottom}[position] == pytest.approx(margin, abs=14)
    assert top >= 0
    assert bottom <= height


def test_a_title_of_several_lines_has_no_short_line(stage: Stage) -> None:
    letters = (drawn(stage, OverlaySettings(title="Seven days in the mountains of the north")) > 240).all(axis=2)
    inked = np.flatnonzero(np.diff(np.pad(letters.any(axis=1), 1).astype(int)))  # where lines start and end
    lines = [letters[top:bottom] for top, bottom in zip(inked[::2], inked[1::2], strict=True) if bottom - top > 4]
    widths = [np.ptp(np.flatnonzero(line.any(axis=0))) for line in lines]
    assert len(widths) > 1
    assert min(widths) > 0.7 * max(widths)


PRESETS = {name: load_preset(name).values for name in sorted(preset_files())}
FRAMES = [
    (320, 180), (540, 960), (960, 64), (16, 16),
    *sorted({(size[0] // 3, size[1] // 3) for values in PRESETS.values() if (size := values.get("size"))}),
]  # fmt: skip
COVERED = sorted({values.get("covered", (0.0, 0.0, 0.0, 0.0)) for values in PRESETS.values()})
WORDS = st.lists(
    st.sampled_from(["Merry", "Christmas", "Anna", "3.99", "EUR", "Südfrankreich", "東京タワー", "W" * 40, "i", "\\n"]),
    min_size=1, max_size=12,
).map(" ".join)  # fmt: skip


@settings(max_examples=50)
@given(
    WORDS | st.text(max_size=60), st.sampled_from(FRAMES), st.sampled_from(COVERED), st.floats(0.01, 0.5),
    st.floats(0, 0.4), st.sampled_from(["top", "middle", "bottom"]),
)  # fmt: skip
def test_any_title_is_drawn_within_any_frame(
    plain: Stage, title: str, frame: tuple[int, int], covered: tuple[float, float, float, float], size: float,
    margin: float, position: Literal["top", "middle", "bottom"],
) -> None:  # fmt: skip
    stage = replace(plain, textures=Textures(50_000_000, 1), frame=frame, covered=covered)
    overlay = OverlaySettings(title=title, title_size=size, margin=margin, title_at=position)
    # A small frame or wide margins leave too little space for some titles.
    roomy = min(frame) > 100 and margin < 0.3 and len(title) < 200
    with closing(stage.textures), nullcontext() if roomy else suppress(InputError):
        shown = with_overlay(lambda _: plain.scene(plain.whole_camera()), stage, overlay)(0.5).overlay
        if shown is not None:
            half = np.abs(shown.right[0]) + np.abs(shown.down[0])
            left, top = (shown.centre[0] - half) * frame[1] + np.array(frame) / 2
            right, bottom = (shown.centre[0] + half) * frame[1] + np.array(frame) / 2
            assert left >= covered[3] * frame[0] - 1
            assert top >= covered[0] * frame[1] - 1
            assert right <= (1 - covered[1]) * frame[0] + 1
            assert bottom <= (1 - covered[2]) * frame[1] + 1


@pytest.mark.parametrize("frame", [(1080, 1920), (540, 960), (1920, 1080)])
@pytest.mark.parametrize(
    "title",
    [
        "Merry Christmas", "Our Anniversary", "Congratulations Anna", "Leopards 3.99 EUR", "Happy Birthday Grandma",
        "Sommerferien Südfrankreich",
    ],
)  # fmt: skip
def test_a_title_whose_longest_word_is_a_line_is_as_large_as_possible(
    plain: Stage, title: str, frame: tuple[int, int]
) -> None:
    _, top, _, bottom = box(replace(plain, frame=frame), OverlaySettings(title=title))
    assert bottom - top > (0.06 if frame[0] > frame[1] else 0.13) * min(frame)  # a line, or two


def test_a_title_without_spaces_is_broken_and_stays_legible(plain: Stage) -> None:
    upright = replace(plain, frame=(180, 320), notice=lambda _: None)
    one = box(upright, OverlaySettings(title="你好"))
    many = box(upright, OverlaySettings(title="我们在山里和海边度过的两千张照片"))
    assert many[3] - many[1] > 2 * (one[3] - one[1])  # several lines, of letters of the same size
    _, top, _, bottom = box(upright, OverlaySettings(title="Donaudampfschifffahrtsgesellschaftskapitän"))
    assert bottom - top > 2 * 0.03 * 180  # two lines of the smallest letters


def test_an_illegible_title_causes_a_notice_or_an_error(plain: Stage) -> None:
    notices: list[str] = []
    drawn(replace(plain, frame=(180, 180), notice=notices.append), OverlaySettings(title="lorem ipsum dolor " * 50))
    assert notices == ["The title fits only with 6-pixel letters, which are hard to read: shorten it"]
    with pytest.raises(
        InputError, match=r"title= of 26 characters does not fit into 16x16 pixels in .*: shorten it or increase size="
    ):
        drawn(replace(plain, frame=(16, 16)), OverlaySettings(title="Sommerferien Südfrankreich"))
    with pytest.raises(InputError, match="title= has 1,001 characters: the maximum is 1,000"):
        OverlaySettings(title="a" * 1001)


def test_a_title_is_white_and_sharp_and_legible_on_white(stage: Stage) -> None:
    letters = drawn(stage, OverlaySettings(title="III"))
    assert (letters == 255).all(axis=2).any()
    on_white = drawn(replace(stage, background=(1.0, 1.0, 1.0)), OverlaySettings(title="III"))
    assert on_white.min() < 120


def test_a_title_appears_and_disappears_at_its_times(stage: Stage) -> None:
    settings = OverlaySettings(title="Now", title_time=(1.0, 3.0))
    shares = [
        difference(drawn(stage, settings, second / 4), background(stage)).mean() for second in (0.5, 1.1, 2.0, 2.9, 3.5)
    ]
    assert shares[0] == shares[4] == 0
    assert 0 < shares[1] < shares[2] > shares[3] > 0


@pytest.mark.parametrize("position", ["top-left", "top-right", "bottom-left", "bottom-right", "middle"])
def test_a_logo_is_drawn_in_its_corner(stage: Stage, tmp_path: Path, position: str) -> None:
    logo = np.zeros((40, 80, 4), np.uint8)
    logo[:, :, 0] = 255
    logo[10:30, 20:60, 3] = 255  # the middle of it
    Image.fromarray(logo).save(tmp_path / "logo.png")
    settings = OverlaySettings(logo=tmp_path / "logo.png", logo_at=position, logo_opacity=1.0)  # type: ignore[arg-type]
    left, top, right, bottom = box(stage, settings)
    width, height = stage.frame
    high = settings.logo_size * min(stage.frame)
    assert (right - left, bottom - top) == pytest.approx((high, high / 2), abs=2.5)
    middle = ((left + right) / 2, (top + bottom) / 2)
    inset = (settings.margin * min(stage.frame) + high, settings.margin * min(stage.frame) + high / 2)
    x = {"left": inset[0], "right": width - inset[0]}.get(position.split("-")[-1], width / 2)
    y = {"top": inset[1], "bottom": height - inset[1]}.get(position.split("-")[0], height / 2)
    assert middle == pytest.approx((x, y), abs=2.5)
    assert (drawn(stage, settings)[round(y), round(x)] == (255, 0, 0)).all()


def colour_of_logo(stage: Stage, path: Path) -> list[int]:
    """The colour at the centre of a logo at the centre of the frame."""
    shown = drawn(stage, OverlaySettings(logo=path, logo_at="middle", logo_opacity=1.0))
    return shown[shown.shape[0] // 2, shown.shape[1] // 2].astype(int).tolist()


def test_logos_are_read_like_other_pictures(stage: Stage, tmp_path: Path) -> None:
    """Sixteen bits, EXIF orientation and profiles are honoured, and alpha is preserved."""
    adobe_rgb = profile(*WIDE["Adobe RGB"])
    Image.fromarray(np.full((20, 20), 100 * 257, np.uint16)).save(tmp_path / "deep.png")
    assert colour_of_logo(stage, tmp_path / "deep.png") == [100, 100, 100]
    Image.new("RGBA", (20, 20), (198, 44, 44, 255)).save(tmp_path / "wide.png", icc_profile=adobe_rgb)
    assert colour_of_logo(stage, tmp_path / "wide.png") == pytest.approx([230, 40, 40], abs=4)
    Image.new("RGBA", (20, 20), (198, 44, 44, 0)).save(tmp_path / "none.png", icc_profile=adobe_rgb)
    settings = OverlaySettings(logo=tmp_path / "none.png", logo_at="middle", logo_opacity=1.0)
    assert (drawn(stage, settings) == background(stage)).all()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (80, 40), (255, 0, 0)).save(tmp_path / "turned.jpg", exif=exif)
    left, top, right, bottom = box(stage, OverlaySettings(logo=tmp_path / "turned.jpg", logo_opacity=1.0))
    assert (bottom - top) == pytest.approx(2 * (right - left), abs=2.5)


def test_the_error_for_a_damaged_logo_names_it(stage: Stage, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    encoded = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (16, 16, 3), np.uint8)).save(encoded, "AVIF")
    sound = np.frombuffer(encoded.getvalue(), np.uint8)
    messages: list[str] = []
    for _ in range(60):
        damaged = sound.copy()
        damaged[rng.integers(0, len(sound), 8)] = rng.integers(0, 256, 8)
        path = tmp_path / "logo.avif"
        path.write_bytes(damaged[: rng.integers(len(sound) // 2, len(sound) + 1)].tobytes())
        try:
            drawn(stage, OverlaySettings(logo=path))
        except InputError as error:
            messages.append(str(error))
    assert len(messages) > 20
    assert all(each.startswith(f"logo={tmp_path / 'logo.avif'} can't be used because it ") for each in messages)


def test_letters_missing_from_a_font_cause_a_notice(stage: Stage) -> None:
    notices: list[str] = []
    drawn(replace(stage, notice=notices.append), OverlaySettings(title="Ωя□ 你好 你"))
    assert [spelled(notice, as_argument) for notice in notices] == [
        "DejaVuSans-Bold.ttf has no letters for 你好: set font= to a font that has them"
    ]


def test_the_default_font_covers_latin_greek_and_cyrillic() -> None:
    known = TTFont(BOLD_FONT).getBestCmap()
    for letters in ("AZazÄßñłşŽ", "ΑΩαωά", "АЯаяёЇ"):
        assert all(ord(letter) in known for letter in letters)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"font": "text.ttf", "title": "A"}, "font=.*text.ttf can't be used because it is not a readable font"), ({"logo": "text.ttf"}, "logo=.*text.ttf can't be used"), ({"logo": "no.png"}, "logo=.*no.png: there is no such file"), ({"font": "test.ttf", "title": "A"}, r"font=.*test.ttf: there is no such file or folder: did you mean text.ttf\\?")],
)  # fmt: skip
def test_errors_for_unusable_fonts_and_logos_name_them(
    stage: Stage, tmp_path: Path, settings: dict[str, str], message: str
) -> None:
    (tmp_path / "text.ttf").write_text("no font")
    given = {key: tmp_path / value if key != "title" else value for key, value in settings.items()}
    with pytest.raises(InputError, match=message):
        drawn(stage, OverlaySettings(**given))  # type: ignore[arg-type]


@contextmanager
def suppress_named(name: str) -> Iterator[None]:
    """Suppress an InputError whose message contains a name."""
    try:
        yield
    except InputError as error:
        if name not in str(error):
            raise


@pytest.fixture(scope="module")
def small_font() -> bytes:
    """A font of two letters: so small that each byte matters."""
    subsetter = Subsetter(Options(drop_tables=["FFTM"]))
    subsetter.populate(text="Ab")
    file = io.BytesIO()
    with TTFont(BOLD_FONT) as font:
        subsetter.subset(font)
        font.save(file)
    return file.getvalue()


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 399) | st.integers(0, 4000), st.sampled_from([0, 255]) | st.integers(0, 255)),
        max_size=8,
    ),
    st.floats(0, 4),
)
def test_a_damaged_font_is_drawn_or_the_error_names_it(
    plain: Stage, small_font: bytes, tmp_path: Path, changes: list[tuple[int, int]], length: float
) -> None:
    damaged = bytearray(small_font)
    for position, value in changes:
        damaged[position % len(damaged)] = value
    (tmp_path / "damaged.ttf").write_bytes(damaged[: round(length * len(damaged))])
    overlay = OverlaySettings(title="Ab", font=tmp_path / "damaged.ttf")
    stage = replace(plain, notice=lambda _: None)
    with suppress_named("damaged.ttf"):
        check_overlay(overlay, 4.0)
        with_overlay(lambda _: stage.scene(stage.whole_camera()), stage, overlay)


def test_a_title_after_the_end_of_the_video_is_refused() -> None:
    check_overlay(OverlaySettings(title="A", title_time=(3.9, 99.0)), 4.0)
    with pytest.raises(
        InputError, match=r"title_time=4,5 starts after the end of the video, which is 4 s long: choose an earlier time"
    ):
        check_overlay(OverlaySettings(title="A", title_time=(4.0, 5.0)), 4.0)


def test_a_title_time_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(InputError, match=r"title_time=.* ends before it starts"):
        OverlaySettings(title="A", title_time=(3.0, 1.0))
