"""Covers: letters and shapes that are drawn, transparency, masks and fills."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from renderer.cover_names import SHAPES, MadeCover, cover_name
from renderer.covers import LONGEST, WHITE, Cover, open_cover, shape_mask
from renderer.covers.fills import box_of
from renderer.covers.outlines import polygon_mask
from renderer.errors import InputError
from renderer.fonts import BOLD_FONT
from renderer.job import MatchSettings, open_mosaic
from renderer.job.drawing import draw_strips
from renderer.job.inputs import open_tiles
from renderer.messages import as_argument, spelled
from renderer.placement import load_map
from renderer.progress import Silent
from renderer.settings import CoverSettings

pytestmark = pytest.mark.usefixtures("shared_cache")


def made(text: str, canvas: tuple[int, int] = (640, 360), **options: Any) -> Cover:
    name = cover_name(text)
    assert isinstance(name, MadeCover)
    return open_cover(name.on(canvas), CoverSettings(**options))


def mask_of(cover: Cover) -> np.ndarray:
    assert cover.mask is not None
    return cover.mask


# -- Names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "stem"),
    [("text:ANNA", "text-ANNA"), ("text:a/b", "text-a-b"), ("text:../../etc", "text-etc"), ("text:Happy\\nBirthday", "text-Happy-Birthday"), ("text:a\\b:c*?", "text-a-b-c"), ("text:%d{x}", "text-d-x"), ("text:-o", "text-o"), ("text:محمد", "text-محمد"), ("text:花子", "text-花子"), ("shape:heart", "shape-heart"), ("text:e\u0301", "text-é")],
)  # fmt: skip
def test_the_name_of_an_output_has_only_letters_and_digits(text: str, stem: str) -> None:
    assert cover_name(text).stem == stem


def test_a_text_without_letters_has_a_name_of_its_own() -> None:
    stems = {cover_name(f"text:{words}").stem for words in ("🎉", "😀", "❤️")}
    assert len(stems) == 3
    assert all(stem.isascii() and len(stem) == 13 for stem in stems)


def test_a_path_is_never_a_text() -> None:
    assert cover_name(Path("text:a")) == Path("text:a")
    assert cover_name("./text:a") == Path("text:a")
    assert cover_name("texts:a.jpg") == Path("texts:a.jpg")
    assert cover_name("text:a/../b") == MadeCover("text", "a/../b")


def test_the_case_of_a_prefix_and_of_a_shape_does_not_matter(cover: Path) -> None:
    assert cover_name("TEXT:Anna") == MadeCover("text", "Anna")
    assert cover_name("Shape:Heart") == MadeCover("shape", "heart")
    upper, lower = (open_cover(cover, CoverSettings(mask=name)) for name in ("Star", "star"))
    assert (mask_of(upper) == mask_of(lower)).all()
    assert upper.recipe == lower.recipe


# -- Letters -------------------------------------------------------------------------------------------------------

WORDS = ("ANNA", "40", "Ωμέγα", "Привет", "محمد علي", "שלום", "Happy\\nBirthday", "gypsy\njÁgy", "happy birthday dear Anna", "❤", "i", "—")  # fmt: skip


@pytest.mark.parametrize("canvas", [(640, 360), (360, 640), (300, 300)])
@pytest.mark.parametrize("words", WORDS)
def test_letters_are_as_large_as_the_margins_allow_and_in_the_middle(words: str, canvas: tuple[int, int]) -> None:
    cover = made(f"text:{words}", canvas)
    mask = mask_of(cover)
    assert mask.shape == canvas[::-1]
    left, top, right, bottom = box_of(mask)
    width, height = canvas
    margin = 0.04 * min(canvas)
    assert min(left, top, width - right, height - bottom) >= int(margin)
    assert max((right - left) / (width - 2 * margin), (bottom - top) / (height - 2 * margin)) > 0.93
    assert abs(left - (width - right)) <= 4
    assert abs(top - (height - bottom)) <= 4
    assert ((mask > 0) & (mask < 255)).any() or words == "—"
    assert cover.size == canvas


def parts(words: str) -> list[tuple[int, int]]:
    """The separate parts of a text's letters, from left to right: x and area."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((mask_of(made(f"text:{words}")) > 127).astype(np.uint8))
    return sorted((int(x), int(area)) for x, _, _, _, area in stats[1:])


def test_arabic_letters_are_joined_and_hebrew_runs_from_right_to_left() -> None:
    assert len(parts("محمد")) == 1  # four letters
    (_, yod), (_, alef) = parts("אי")  # alef is first, and yod the smallest letter
    assert yod < alef / 2


def test_a_single_line_is_broken_where_this_makes_its_letters_larger() -> None:
    wide, tall = made("text:Anna Berta", (900, 200)), made("text:Anna Berta", (500, 600))
    assert box_of(mask_of(wide))[3] - box_of(mask_of(wide))[1] < 200
    rows = np.flatnonzero(~mask_of(tall).any(axis=1))
    assert any(250 < row < 350 for row in rows)  # a gap between two lines
    assert mask_of(made("text:Anna\\nBerta", (900, 200)))[90:110].max(axis=1).min() == 0  # lines that the user breaks


def test_two_digits_are_at_least_14_cells_wide_at_the_default_size() -> None:
    mask = mask_of(open_cover(MadeCover("text", "40")))
    (_, _), (start, _) = parts("40")
    cell = 1920 / 94  # 5,000 cells
    assert mask.shape == (1080, 1920)
    assert (box_of(mask)[2] - start * 3) / cell > 14


@given(
    words=st.text(st.sampled_from("aWij.é40 \\n\t\nαЖ محمدשלם😀❤\ufe0f\u200d花\x07/"), max_size=230),
    canvas=st.tuples(st.integers(16, 400), st.integers(16, 400)),
)
@settings(max_examples=60)
def test_any_text_is_drawn_inside_any_frame_or_refused(words: str, canvas: tuple[int, int]) -> None:
    try:
        cover = made(f"text:{words}", canvas)
    except InputError:
        cover = None
    if cover is None:
        assert "花" in words or len(words) > 200 or not set(words.replace("\\n", "")) & set("aWijé40αЖمحمدשלם😀❤.n/")
        return
    mask = mask_of(cover)
    assert mask.shape == canvas[::-1]
    assert mask.any()
    if min(canvas) >= 50:  # with a margin of at least two pixels
        assert not np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).any()


def test_a_text_uses_the_font_that_is_chosen(tmp_path: Path) -> None:
    """A font whose A looks like 花: no font with Chinese letters comes with the tests."""
    path = tmp_path / "own.ttf"
    with TTFont(BOLD_FONT) as font:
        for table in font["cmap"].tables:
            if table.isUnicode():
                table.cmap[ord("花")] = "A"
        font.save(path)
    cover = made("text:花", cover_font=path)
    assert (mask_of(cover) == mask_of(made("text:A"))).all()
    assert cover.settings["cover_font"] == "own.ttf"
    assert path in cover.files
    assert made("text:花", cover_font=path).digest == made("text:A").digest  # what was drawn counts


def test_letters_that_only_the_regular_font_has_are_drawn_in_it() -> None:
    assert mask_of(made("text:😀")).any()


# -- Shapes --------------------------------------------------------------------------------------------------------

AREAS = {"heart": (0.55, 0.7), "circle": (0.78, 0.79), "star": (0.4, 0.45), "hexagon": (0.74, 0.76), "diamond": (0.49, 0.51), "rounded": (0.95, 0.99)}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_fills_its_space_and_keeps_its_form(shape: Any) -> None:
    mask = shape_mask(shape, 700, 400)
    left, top, right, bottom = box_of(mask)
    assert (top, bottom) == (0, 400)
    low, high = AREAS[shape]
    assert low < mask.mean() / 255 * 700 / (right - left) < high
    assert np.abs(mask.astype(int) - mask[:, ::-1]).mean() < 0.5  # symmetrical
    assert ((mask > 0) & (mask < 255)).sum() > 100
    other = shape_mask(shape, 400, 700)
    assert (box_of(other)[:3:2] == (0, 400)) or shape == "rounded" or other.any()
    tall = box_of(other)
    ratio = Fraction(right - left, bottom - top) / Fraction(tall[2] - tall[0], tall[3] - tall[1])
    assert shape == "rounded" or abs(float(ratio) - 1) < 0.02


def test_a_heart_has_two_lobes_and_a_star_five_points() -> None:
    heart = shape_mask("heart", 400, 400)
    first = np.argmax(heart > 127, axis=0)  # the first row inside, by column
    assert first[200] > first[100] + 30
    assert first[100] == pytest.approx(first[299], abs=2)
    star = shape_mask("star", 400, 400) > 127
    y, x = np.nonzero(star)
    around = np.hypot(x - 200, y - 217)  # the centre of the pentagon is below that of its box
    corners, _ = cv2.connectedComponents((star & (np.hypot(*np.meshgrid(np.arange(400) - 200, np.arange(400) - 217)) > 0.8 * around.max())).astype(np.uint8))  # fmt: skip
    assert corners - 1 == 5


def test_a_mask_counts_parts_of_pixels() -> None:
    mask = polygon_mask(np.array([[1.5, 1.0], [4.0, 1.0], [4.0, 2.25], [1.5, 2.25]]), 6, 4)
    assert np.abs(mask[1, 1:5].astype(int) - [128, 255, 255, 0]).max() <= 34
    assert np.abs(mask[2, 1:5].astype(int) - [32, 64, 64, 0]).max() <= 34
    assert not mask[[0, 3]].any()


# -- Fills ---------------------------------------------------------------------------------------------------------


def test_a_fill_is_a_colour_a_gradient_a_picture_or_the_photos(cover: Path) -> None:
    assert (made("shape:circle").pixels == 0x22).all()
    gradient = made("shape:circle", fill="#ff0000, rgb(0, 255, 0),blue").pixels
    left, _, right, _ = box_of(mask_of(made("shape:circle")))
    assert np.abs(gradient[180, [left, (left + right) // 2, right - 1]].astype(int) - np.diag([255] * 3)).max() < 30
    assert (gradient[:, 0] == (255, 0, 0)).all()
    with Image.open(cover) as picture:
        middle = np.asarray(picture.convert("RGB").resize((16, 16)))[4:12, 4:12].mean(axis=(0, 1))
    filled = made("shape:circle", fill=cover)
    assert np.abs(filled.pixels[90:270, 230:410].mean(axis=(0, 1)) - middle).max() < 30
    assert filled.files == {cover}
    assert filled.settings["fill"] == cover.name
    photos = made("shape:circle", fill="photos")
    assert photos.as_they_are
    assert not filled.as_they_are
    assert len({each.digest for each in (made("shape:circle"), photos, filled, made("shape:star"))}) == 4


def test_a_fill_that_is_a_transparent_picture_is_shown_over_white(tmp_path: Path) -> None:
    half = np.zeros((40, 40, 4), np.uint8)
    half[:20] = (255, 0, 0, 255)
    half[20:] = (0, 0, 255, 51)
    Image.fromarray(half).save(tmp_path / "half.png")
    pixels = made("shape:circle", fill=tmp_path / "half.png").pixels
    assert (pixels[60, 320], pixels[300, 320]) == (pytest.approx((255, 0, 0)), pytest.approx((204, 204, 255)))


# -- Transparency --------------------------------------------------------------------------------------------------


def logo() -> np.ndarray:
    """A disc, half orange and half blue, on transparent magenta: (120, 160, 4)."""
    y, x = np.mgrid[:120, :160]
    inside = np.clip(40.5 - np.hypot(x - 79.5, y - 59.5), 0, 1)
    pixels = np.zeros((120, 160, 4), np.uint8)
    pixels[..., :3] = (255, 0, 255)
    pixels[inside > 0, :3] = (20, 120, 220)
    pixels[:60][inside[:60] > 0, :3] = (250, 180, 0)
    pixels[..., 3] = inside * 255 + 0.5
    return pixels


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".gif", "palette.png"])
def test_the_alpha_of_a_picture_is_its_mask(tmp_path: Path, suffix: str) -> None:
    pixels, path = logo(), tmp_path / f"logo{suffix}"
    hard = suffix in (".gif", "palette.png")
    if hard:
        pixels[..., 3] = np.where(pixels[..., 3] > 127, 255, 0)
        image = Image.fromarray(pixels[..., :3]).quantize(8)
        index = np.asarray(image).copy()
        index[pixels[..., 3] == 0] = 9
        indexed = Image.frombytes("P", (160, 120), index.tobytes())
        indexed.putpalette([*(image.getpalette() or []), *[0] * 768][:768])
        indexed.save(path, transparency=9)
    else:
        Image.fromarray(pixels).save(path, **({"lossless": True} if suffix == ".webp" else {}))
    cover = open_cover(path)
    assert (mask_of(cover) == pixels[..., 3]).all()
    assert np.abs(cover.over(WHITE)[5, 5].astype(int) - 255).max() == 0
    # Colours continue outside, and those below transparency are never seen.
    far = cover.pixels.astype(int)
    assert np.abs(far[60 - 43, 80] - (250, 180, 0)).max() < 40
    assert np.abs(far[59 + 43, 80] - (20, 120, 220)).max() < 40
    assert (far[..., 1] > 90).all()
    assert cover.settings["mask_threshold"] == 0.5


def test_an_opaque_picture_has_no_mask(tmp_path: Path, cover: Path) -> None:
    assert open_cover(cover).mask is None
    assert open_cover(cover).settings == {}
    path = tmp_path / "opaque.png"
    with Image.open(cover) as picture:
        picture.convert("RGBA").save(path)
        opened = open_cover(path)
        assert opened.mask is None
        assert (opened.pixels == np.asarray(picture.convert("RGB"))).all()
        assert opened.over((0, 0, 0)) is opened.pixels


def test_a_large_transparent_picture_is_reduced_without_its_hidden_colours(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    pixels = np.zeros((100, 6000, 4), np.uint8)
    pixels[..., :3] = (255, 0, 255)
    pixels[:, ::2] = (10, 200, 30, 255)  # every other column
    Image.fromarray(pixels).save(path, compress_level=1)
    opened = open_cover(path)
    assert opened.pixels.shape[1] == LONGEST
    assert opened.size == (6000, 100)
    assert np.abs(opened.pixels.astype(int) - (10, 200, 30)).max() < 6


@pytest.mark.parametrize("mask", ["heart", "star", "circle", "hexagon", "rounded", "diamond"])
def test_a_mask_is_laid_over_any_cover(cover: Path, mask: Any) -> None:
    opened = open_cover(cover, CoverSettings(mask=mask))
    mask_in_cover = mask_of(opened)
    left, top, right, bottom = box_of(mask_in_cover)
    margin = 0 if mask == "rounded" else 0.04 * 427  # as around shapes; "rounded" only takes away the corners
    assert min(left, top, 640 - right, 427 - bottom) == pytest.approx(margin, abs=1)
    assert (mask_in_cover == shape_mask(mask, 640, 427, margin)).all()
    assert opened.recipe["mask"] == mask
    assert opened.path == cover


def test_a_mask_file_is_its_alpha_or_its_brightness_and_keeps_its_shape(tmp_path: Path, cover: Path) -> None:
    Image.fromarray(logo()).save(tmp_path / "alpha.png")
    grey = np.zeros((50, 50), np.uint8)
    grey[:, :25] = 255
    Image.fromarray(grey).save(tmp_path / "grey.png")
    alpha = open_cover(cover, CoverSettings(mask=tmp_path / "alpha.png"))
    assert mask_of(alpha).shape == (427, 640)
    assert mask_of(alpha).mean() / 255 == pytest.approx(np.pi * 40**2 * (427 / 120) ** 2 / (640 * 427), rel=0.02)
    bright = mask_of(open_cover(cover, CoverSettings(mask=tmp_path / "grey.png")))
    assert bright[:, 110:310].min() == 255  # a square as high as the cover
    assert not bright[:, :105].any()
    assert not bright[:, 330:].any()
    assert alpha.recipe["mask"] == "alpha.png"
    assert tmp_path / "alpha.png" in alpha.files


def test_masks_combine_with_the_covers_own_transparency(tmp_path: Path) -> None:
    path = tmp_path / "logo.png"
    Image.fromarray(logo()).save(path)
    both = mask_of(open_cover(path, CoverSettings(mask="star")))
    assert (both == np.minimum(logo()[..., 3], shape_mask("star", 160, 120, 0.04 * 120))).all()


# -- Errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("text:", {}, r"The cover text: has no words: write them after the colon, as in text:ANNA"),
        ("text: \\n ", {}, r"The cover text: \\n  has no words: write them after the colon, as in text:ANNA"),
        ("text:\u200d", {}, r"The text '\\u200d' has no visible letters: choose other words"),
        ("text:花子!", {}, r"DejaVuSans-Bold.ttf has no letters for 花子: set cover_font= to a font that has them"),
        ("text:" + "a" * 201, {}, r"The text of the cover has 201 characters: the maximum is 200, as letters of more would be too small to read"),
        ("text:A", {"cover_font": "zzz.ttf"}, r"cover_font=zzz.ttf: there is no such file or folder: check the path"),
        ("text:A", {"cover_font": "text.txt"}, r"cover_font=text.txt can't be used because it is not a readable font: choose a TrueType or OpenType file"),
        ("shape:hart", {}, r"There is no shape 'hart': did you mean heart\?"),
        ("shape:", {}, r"There is no shape '': the shapes are heart, circle, star, hexagon, diamond, rounded"),
        ("shape:star", {"fill": "purplish"}, r"fill=purplish is neither a colour, nor colours with commas between them, nor a picture file, nor photos: give one such as #e63946"),
        ("shape:star", {"fill": "red,grin"}, r"fill=grin is not a colour: give a name such as navy, #rrggbb or rgb\(r, g, b\)"),
        ("shape:star", {"fill": "red,"}, r"fill=red, has a comma without a colour on both sides: remove it or add a colour"),
        ("shape:star", {"fill": "clear.png"}, r"fill=clear.png is completely transparent: use another picture"),
        ("shape:star", {"fill": "zzz.jpg"}, r"fill=zzz.jpg: there is no such file or folder: check the path"),
        ("shape:star", {"fill": "text.txt"}, r"fill=.*text.txt can't be used because it is not a picture in a supported format"),
        ("cover", {"mask": "hart"}, r"mask=hart is neither a shape nor a file: did you mean heart\?"),
        ("cover", {"mask": "zzz.png"}, r"mask=zzz.png: there is no such file or folder: check the path"),
        ("cover", {"mask": "text.txt"}, r"mask=text.txt can't be used because it is not a picture in a supported format"),
        ("cover", {"mask": "black.png"}, r"mask=black.png is black, so nothing of the cover would be left: use another picture"),
        ("cover", {"mask": "clear.png"}, r"mask=clear.png is completely transparent, so nothing of the cover would be left: use another picture"),
        ("clear.png", {}, r".*clear.png is completely transparent, so no cell would be left: use another cover"),
        ("corner.png", {"mask": "circle"}, r"mask=circle and what is opaque in the cover corner.png have no part in common: use another mask"),
    ],
)  # fmt: skip
def test_errors_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cover: Path, name: str, options: dict[str, str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("no picture")
    Image.new("L", (9, 9)).save("black.png")
    Image.new("RGBA", (9, 9)).save("clear.png")
    corner = Image.new("RGBA", (90, 90))
    corner.putpixel((0, 0), (255, 0, 0, 255))
    corner.save("corner.png")
    with pytest.raises(InputError, match=f"^{message}$"):
        open_cover(cover if name == "cover" else cover_name(name), CoverSettings(**options))  # type: ignore[arg-type]


# -- In mosaics ----------------------------------------------------------------------------------------------------


def test_a_made_cover_is_matched_saved_edited_and_revealed_without_a_file(render: Any, photos: Path) -> None:
    words = ("--tiles", photos, "--columns", "16", "--tile-pixels", "4")
    code, _, err = render(
        "mosaic", "text:a/b", *words, "--save-map", "ab.mosaic", "--report", "r.html", "--credits", "c.txt"
    )
    assert code == 0, err
    assert Path("text-a-b-mosaic.png").exists()
    assert Path("c.txt").read_text("utf-8").startswith("Cover: text:a/b\n")
    placement = load_map(Path("ab.mosaic"))
    assert placement.recipe["cover"] == "text:a/b"
    assert placement.made_cover is not None
    assert placement.made_cover.shape == (1080, 1920, 4)
    assert (placement.made_cover == open_cover(MadeCover("text", "a/b")).rgba()).all()
    assert render("mosaic", "ab.mosaic", *words[2:], "--report", "r2.html", "-o", "it.png")[0] == 0
    code, _, err = render("edit", "ab.mosaic", "--ban", placement.photos[0].path)
    assert code == 0, err
    assert "not next to the map" not in err
    edited = load_map(Path("ab-edited.mosaic"))
    assert (edited.made_cover == placement.made_cover).all()
    for name in ("ab.mosaic", "ab-edited.mosaic"):
        frame = ("--start", "cover", "--at", "0", "--background", "white", "--size", "192x108", "-y", "-o", "start.png")
        assert render("still", "reveal", name, *frame)[0] == 0
        with Image.open("start.png") as shown:
            start = np.asarray(shown.convert("L")).astype(int)
        expected = np.full(
            (108, 192), 255
        )  # with all cells in the cover's colour, as large as the frame's margin allows
        low, high = placement.cell[:, :2].min(axis=0), (placement.cell[:, :2] + placement.cell[:, 2:]).max(axis=0)
        scale = ((np.array([192, 108]) - 2 * 0.04 * 108) / (high - low)).min()
        corner = np.array([96, 54]) - scale * (low + high) / 2
        for x, y, width, height in placement.cell * scale + [*corner, 0, 0]:
            expected[round(y) : round(y + height), round(x) : round(x + width)] = 0x22
        assert np.abs(start - expected).mean() < 12


def test_a_made_cover_has_the_shape_of_the_frame_or_the_paper(render: Any, photos: Path) -> None:
    for words, size in [
        (("still", "zoom", "shape:heart", "--size", "64x96"), [64, 96]),
        (("sheet", "gather", "shape:heart", "--size", "96x64", "--cells", "2x1"), [96, 64]),
        (("zoom", "shape:heart", "--size", "64x96", "--duration", "0.2"), [64, 96]),
        (("still", "zoom", "shape:heart", "--long-side", "96"), [1920, 1080]),
        (("mosaic", "shape:heart", "--print", "20x40cm", "--dpi", "20"), [960, 1920]),
        (("mosaic", "shape:heart", "--tile-pixels", "2"), [1920, 1080]),
    ]:
        code, out, err = render(*words, "--tiles", photos, "--columns", "12", "--json", "-y")
        assert code == 0, err
        assert json.loads(out)["recipe"]["cover_size"] == size, words
    assert Path("shape-heart-zoom.mp4").exists()


def test_a_made_cover_has_no_pieces(render: Any) -> None:
    expected = "render: The cover text:40 has no pieces to use as tiles: specify photos with --tiles FOLDER\n"
    assert render("zoom", "text:40") == (2, "", expected)
    assert render("mosaic", "text:40", "--tiles", "pieces") == (2, "", expected)


def test_letters_too_small_to_read_cause_a_notice(render: Any, photos: Path) -> None:
    words = ("still", "zoom", "text:happy birthday", "--tiles", photos, "--size", "96x64", "-y")
    few, many = (render(*words, "--columns", columns)[2] for columns in ("16", "64"))
    assert "letters of text:happy birthday are only 2 cells high, which is hard to read: use fewer words" in few
    assert "letters of" not in many


def test_too_few_cells_for_an_outline_cause_a_notice(photos: Path, cover: Path) -> None:
    class Notices(Silent):
        def notice(self, message: str) -> None:
            shown.append(spelled(message, as_argument))

    for name, columns, mask, message in [
        (cover, 1, "heart", "1 cell can't show the outline of mask=heart: use more columns="),
        (MadeCover("shape", "star"), 6, None, "4 cells can't show the outline of shape:star: use more columns="),
        (cover, 9, "heart", None),
    ]:
        shown: list[str] = []
        match = MatchSettings(tiles=(str(photos),), columns=columns, mask=mask)
        with open_mosaic(name, match, Notices(), matched=False):
            assert [each for each in shown if "outline" in each] == ([] if message is None else [message])


def test_a_preset_for_letters_can_be_used_with_a_picture(render: Any, photos: Path, cover: Path) -> None:
    Path("letters.toml").write_text('fill = "red"\n', "utf-8")
    words = ("still", "zoom", cover, "--tiles", photos, "--columns", "6", "--size", "48x32", "--for", "letters.toml")
    code, _, err = render(*words)
    assert code == 0, err
    assert "--fill red has no effect" in render(*words, "--fill", "red")[2]


def test_a_threshold_needs_a_mask_which_may_be_that_of_a_preset_or_transparency(
    render: Any, photos: Path, cover: Path
) -> None:
    Path("round.toml").write_text('mask = "circle"\n', "utf-8")
    Path("strict.toml").write_text("mask_threshold = 0.9\n", "utf-8")
    logo = np.array(Image.open(cover).convert("RGBA"))
    Image.fromarray(logo).save("opaque.png")
    logo[: len(logo) // 2, :, 3] = 0
    Image.fromarray(logo).save("logo.png")
    words = ("--tiles", photos, "--columns", "12", "--size", "48x32")
    for name, options, accepted in [
        (cover, ("--mask-threshold", "0.9"), False),
        ("opaque.png", ("--mask-threshold", "0.9"), False),
        (cover, ("--mask-threshold", "0.9", "--for", "round.toml"), True),
        (cover, ("--for", "strict.toml"), True),  # as it can be a preset for logos
        (cover, ("--mask-threshold", "0.9", "--for", "strict.toml"), False),
        ("logo.png", ("--mask-threshold", "0.9"), True),
        ("shape:star", ("--mask-threshold", "0.9"), True),
    ]:
        code, _, err = render("still", "zoom", name, *words, *options, "-o", "it.png", "--overwrite")
        assert code == (0 if accepted else 2), err
        assert ("--mask-threshold 0.9 has no effect on" in err) == (not accepted)


def test_a_campaign_makes_a_video_for_each_name(render: Any, photos: Path) -> None:
    Path("names.csv").write_text("name\nAnna\nBen/Bo\n", "utf-8")
    Path("it.toml").write_text(
        f'[defaults]\ntiles = "{photos.as_posix()}"\ncolumns = 12\nsize = "48x32"\nduration = 0.2\n'
        '[[job]]\ncover = ["text:{name}", "shape:star"]\nrows = "names.csv"\noutput = "out/{cover}-{name}"\n', "utf-8"
    )  # fmt: skip
    code, _, err = render("batch", "it.toml", "--workers", "1")
    assert code == 0, err
    names = {"text-Anna-Anna.mp4", "text-Ben-Bo-Ben_Bo.mp4", "shape-star-Anna.mp4", "shape-star-Ben_Bo.mp4"}
    assert names <= {path.name for path in Path("out").iterdir()}
    assert "4 up to date" in render("batch", "it.toml", "--workers", "1")[1]
    Path("names.csv").write_text("name\nAnna\n \n中文\n", "utf-8")
    code, _, err = render("batch", "it.toml", "--workers", "1")
    assert (code, "2 problems; nothing was rendered" in err) == (2, True)
    assert "names.csv, row 2 (it.toml, line 7): The cover text: has no words" in err
    assert "names.csv, row 3 (it.toml, line 6): DejaVuSans-Bold.ttf has no letters for 中文: set cover_font to a" in err
    code, out, err = render("batch", "it.toml", "--skip-bad-rows", "--dry-run", "--json")
    assert (code, [Path(video["output"]).stem for video in json.loads(out)["videos"]]) == (
        1, ["text-Anna-Anna", "shape-star-Anna"],
    )  # fmt: skip


@pytest.mark.parametrize("figure", ["grid", "channels"])
def test_figures_show_a_made_cover(render: Any, figure: str) -> None:
    assert render("explain", figure, "shape:heart", "--size", "320x180")[0] == 0
    assert Path(f"shape-heart-{figure}.png").exists()


def test_the_settings_of_a_cover_determine_the_map(photos: Path, cover: Path, tmp_path: Path) -> None:
    """All that changes the cover changes the recipe, and so the name of the cached map."""
    Image.fromarray(logo()).save(tmp_path / "logo.png")
    given: list[tuple[Any, dict[str, Any]]] = [
        (cover, {}), (cover, {"mask": "star"}), (cover, {"mask": "heart"}), (cover, {"mask": "star", "mask_threshold": 0.7}),
        (tmp_path / "logo.png", {}), (tmp_path / "logo.png", {"mask_threshold": 0.2}), (cover, {"mask": str(tmp_path / "logo.png")}),
        (MadeCover("text", "A"), {}), (MadeCover("text", "A"), {"fill": "red"}), (MadeCover("text", "A", (64, 48)), {}),
        (MadeCover("text", "A"), {"mask": "star"}), (MadeCover("shape", "star"), {}), (MadeCover("shape", "star"), {"fill": "photos"}),
    ]  # fmt: skip
    recipes = []
    for name, options in given:
        match = MatchSettings(tiles=(str(photos),), columns=8, **options)
        with open_mosaic(name, match, Silent(), matched=False) as mosaic:
            recipes.append(json.dumps(mosaic.placement.recipe, sort_keys=True))
            assert str(tmp_path) not in recipes[-1]
            assert (mosaic.placement.made_cover is not None) == isinstance(name, MadeCover)
            assert mosaic.cover_reader is not None
    assert len(set(recipes)) == len(given)


def test_the_settings_of_a_mosaic_contain_those_of_its_cover() -> None:
    assert MatchSettings().cover_settings() == CoverSettings()
    assert MatchSettings(mask="star").cover_settings() == CoverSettings(mask="star")


def cells_of(name: Any, photos: Path, **options: Any) -> np.ndarray:
    """The centres of the cells of a mosaic, as fractions of its width and height."""
    with open_mosaic(name, MatchSettings(tiles=(str(photos),), **options), Silent(), matched=False) as mosaic:
        placement = mosaic.placement
        return (placement.cell[:, :2] + placement.cell[:, 2:] / 2) / placement.size


@pytest.mark.parametrize("words", ["ANNA", "40", "il"])
def test_cells_are_only_inside_letters_and_about_5000(photos: Path, words: str) -> None:
    centres = cells_of(MadeCover("text", words), photos)
    mask = mask_of(open_cover(MadeCover("text", words)))
    found = cv2.dilate(mask, np.ones((25, 25)))[(centres[:, 1] * 1080).astype(int), (centres[:, 0] * 1920).astype(int)]
    assert (found > 0).all()
    assert 4000 < len(centres) < 6000


def test_a_logo_and_a_mask_leave_out_cells(photos: Path, cover: Path, tmp_path: Path) -> None:
    Image.fromarray(logo()).save(tmp_path / "logo.png")
    centres = cells_of(tmp_path / "logo.png", photos, columns=40)
    assert len(centres) == pytest.approx(40 * 30 * np.pi * 40**2 / (160 * 120), rel=0.06)
    assert np.hypot((centres[:, 0] - 0.5) * 160, (centres[:, 1] - 0.5) * 120).max() < 43
    more = cells_of(tmp_path / "logo.png", photos, columns=40, mask_threshold=0.01)
    assert len(centres) < len(more) < 1.4 * len(centres)
    star, whole = cells_of(cover, photos, columns=60, mask="star"), cells_of(cover, photos, columns=60)
    assert 0.2 < len(star) / len(whole) < 0.4


def test_a_heart_is_a_heart_in_a_transparent_picture(render: Any, photos: Path) -> None:
    words = ("--tiles", photos, "--columns", "40", "--tile-pixels", "8", "--background", "transparent")
    code, _, err = render("mosaic", "shape:heart", *words)
    assert code == 0, err
    with Image.open("shape-heart-mosaic.png") as written:
        alpha = np.asarray(written.getchannel("A"))
    expected = cv2.resize(
        mask_of(open_cover(MadeCover("shape", "heart"))), alpha.shape[::-1], interpolation=cv2.INTER_AREA
    )
    assert np.abs(alpha.astype(int) - expected).mean() < 12
    assert set(np.unique(alpha)) == {0, 255}


def test_paper_shows_all_of_a_mask(photos: Path, tmp_path: Path) -> None:
    """Neither a logo wider than the paper nor a mask is cropped, also when a saved map is drawn in another shape."""
    Image.fromarray(logo()).save(tmp_path / "logo.png")
    Image.fromarray(np.full((60, 120, 3), 90, np.uint8)).save(tmp_path / "plain.png")
    for name, shape, ratio, options in (("plain.png", 1.0, 2.0, {"mask": "rounded"}), ("logo.png", 1 / 3, 1.0, {})):
        match = MatchSettings(tiles=(str(photos),), columns=24, **options)  # type: ignore[arg-type]
        with open_mosaic(tmp_path / name, match, Silent(), shape=shape, matched=False) as mosaic:
            cell, size = mosaic.placement.cell, mosaic.placement.size
            low, high = cell[:, :2].min(axis=0), (cell[:, :2] + cell[:, 2:]).max(axis=0)
            assert size[0] / size[1] == pytest.approx(shape, rel=0.03)
            assert np.divide(low + high, size) / 2 == pytest.approx([0.5, 0.5], abs=0.02)
            assert np.divide(*(high - low)) == pytest.approx(ratio, rel=0.12)
            strips = draw_strips(mosaic, (90, 60), 64, "transparent")
            alpha = np.concatenate(list(strips))[..., 3]
            left, top, right, bottom = box_of(alpha)
            assert (right - left) / (bottom - top) == pytest.approx(ratio, rel=0.12)
            assert (left + right, top + bottom) == pytest.approx((90, 60), abs=2)
            read = mosaic.cover_reader
            assert read is not None
            pixels = read(100)
    assert pixels.shape == (480, 160, 4)
    assert (pixels[180:300] == open_cover(tmp_path / "logo.png").rgba()).all()
    assert not pixels[:180, :, 3].any()


def test_photos_in_their_own_colours_are_ordered_by_hue_and_grey_ones_by_lightness(tmp_path: Path) -> None:
    ordered = ["#c03030", "#806020", "#308030", "#3050b0", "#dcdcd8", "#888a88", "#222222"]
    for number, colour in enumerate(ordered[::-1]):
        Image.new("RGB", (8, 8), colour).save(tmp_path / f"{number}.png")
    match = MatchSettings(tiles=(str(tmp_path),), columns=24, fill="photos", repeat_distance=0, max_uses=0)
    with open_mosaic(MadeCover("shape", "rounded"), match, Silent()) as mosaic:
        placement = mosaic.placement
    assert (placement.gain == 1).all()
    assert (placement.offset == 0).all()
    left = [placement.cell[placement.photo == number, 0].mean() for number in range(len(ordered))]
    names = [placement.photos[number].path.stem for number in np.argsort(left)]
    assert names == ["6", "5", "4", "3", "2", "1", "0"]


def test_letters_have_less_tone_than_pictures_and_the_least_where_they_are_dark(photos: Path, cover: Path) -> None:
    expected: dict[str, tuple[MadeCover | Path, dict[str, Any]]] = {
        "0.3": (MadeCover("shape", "heart"), {}),
        "0.5": (MadeCover("shape", "heart"), {"fill": "red"}),
        "0.7": (MadeCover("shape", "heart"), {"tone": 0.7}),
        "auto": (cover, {}),
    }
    with open_tiles(MatchSettings(tiles=(str(photos),)), Silent()) as tiles:
        for tone, (name, options) in expected.items():
            match = MatchSettings(columns=6, **options)
            with open_mosaic(name, match, Silent(), matched=False, tiles=tiles) as mosaic:
                assert str(mosaic.placement.recipe["tone"]) == tone


def test_inputs_of_a_cover_are_never_overwritten(photos: Path, cover: Path, tmp_path: Path) -> None:
    Image.fromarray(logo()).save(tmp_path / "logo.png")
    match = MatchSettings(tiles=(str(photos),), columns=8, fill=str(cover), mask=str(tmp_path / "logo.png"))
    with open_mosaic(MadeCover("text", "A"), match, Silent(), matched=False) as mosaic:
        assert {cover, tmp_path / "logo.png"} <= mosaic.inputs
    assert replace(match, fill="red").cover_settings().files() == [tmp_path / "logo.png", Path("red")]


@pytest.mark.parametrize("figure", ["grid", "channels"])
def test_a_figure_never_overwrites_what_a_cover_is_made_from(render: Any, figure: str) -> None:
    Image.fromarray(logo()).save("logo.png")
    before = Path("logo.png").read_bytes()
    for source in (("text:A", "--fill", "logo.png"), ("shape:star", "--mask", "logo.png")):
        code, _, err = render("explain", figure, *source, "-o", "logo.png", "-y")
        assert (code, err.count("\n")) == (2, 1)
        assert "-o logo.png is the cover or one of the photos, or another input" in err
    assert Path("logo.png").read_bytes() == before


def test_about_5000_cells_are_inside_letters_on_paper_too(photos: Path) -> None:
    match = MatchSettings(tiles=(str(photos),))
    with open_mosaic(MadeCover("text", "ANNA"), match, Silent(), shape=1.5, matched=False) as mosaic:
        assert 4000 < len(mosaic.placement) < 6000
