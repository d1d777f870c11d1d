"""The photos that a flight lands on, when none is chosen."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from conftest import difference
from PIL import Image, ImageDraw, ImageFilter, ImageOps
from sklearn.datasets import load_sample_images
from test_faces import with_closed_eyes

from renderer.job import MatchSettings, OpenMosaic, drawing, open_mosaic
from renderer.job.map_cache import landings_of
from renderer.landings import find_landings
from renderer.placement import save_map
from renderer.progress import Silent
from renderer.settings import OutputSettings

Run = Callable[..., tuple[int, str, str]]

MATCH = {"columns": 16, "use_all": True}


def names(mosaic: OpenMosaic) -> list[str]:
    """The names of the photos to land on, the best first."""
    placement = mosaic.placement
    return [placement.photos[int(placement.photo[cell])].path.stem for cell in mosaic.landings]


def logo(seed: int) -> Image.Image:
    """A logo: two flat shapes of few colours."""
    random = np.random.default_rng(seed)
    ground, first, second = (tuple(random.integers(0, 256, 3).tolist()) for _ in range(3))
    picture = Image.new("RGB", (1200, 1200), ground)
    pen = ImageDraw.Draw(picture)
    pen.ellipse((200, 200, 900, 900), fill=first)
    pen.rectangle((500, 600, 1000, 1100), fill=second)
    return picture


def document() -> Image.Image:
    """A page of text."""
    page = Image.new("RGB", (1200, 1600), "white")
    pen = ImageDraw.Draw(page)
    for line in range(100, 1500, 40):
        pen.text((100, line), "The quick brown fox jumps over the lazy dog. " * 3, fill="black", font_size=24)
    return page


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person, views, and what no flight should end on."""
    folder = tmp_path_factory.mktemp("library")
    astronaut = Image.fromarray(skimage.data.astronaut())
    china, flower = (Image.fromarray(picture) for picture in load_sample_images().images)
    made = {
        "astronaut": astronaut,
        "astronaut-copy": astronaut.resize((500, 500)),
        "astronaut-blurred": astronaut.filter(ImageFilter.GaussianBlur(8)),
        "astronaut-grey": ImageOps.grayscale(astronaut),
        "astronaut-dark": astronaut.point(lambda value: value * 0.2),
        "astronaut-framed": ImageOps.expand(astronaut, 60, "white"),
        "china": china,
        "flower": flower,
        "cat": Image.fromarray(skimage.data.chelsea()),
        "coffee": Image.fromarray(skimage.data.coffee()),
        "clock": Image.fromarray(skimage.data.clock()),
        "page": document(),
        **{f"logo{number}": logo(number) for number in range(4)},
    }
    for name, picture in made.items():
        picture.convert("RGB").save(folder / f"{name}.png")
    return folder


def test_people_come_first_and_drawings_faults_and_copies_last(library: Path, cover: Path) -> None:
    with open_mosaic(cover, MatchSettings((str(library),), **MATCH), Silent()) as mosaic:
        found = names(mosaic)
    assert found[0] in ("astronaut", "astronaut-copy")
    assert not {"astronaut", "astronaut-copy"} <= {*found}  # one of both
    good = {"china", "flower", "cat", "coffee"}
    assert {*found[1:5]} == good
    assert len(found) == len({*found}) <= 12


def with_notices() -> Image.Image:
    """The astronaut in front of a wall of notices."""
    picture = Image.fromarray(skimage.data.astronaut())
    pen = ImageDraw.Draw(picture)
    for x, y in ((5, 10), (80, 10), (5, 120), (80, 120), (330, 10), (410, 10), (330, 120), (410, 120), (410, 220)):
        pen.rectangle((x, y, x + 62, y + 90), fill="white", outline="black", width=2)
        pen.text((x + 8, y + 8), "NOTICE\n\nthe quick\nbrown fox", fill="black", font_size=11)
    return picture


AROUND_HER = (90, 0, 450, 360)

WORSE = {
    "closed eyes": lambda: Image.fromarray(with_closed_eyes()).crop(AROUND_HER),
    "hair cut by the edge": lambda: Image.fromarray(skimage.data.astronaut()).crop((100, 58, 400, 358)),
    "notices behind": lambda: with_notices().crop(AROUND_HER),
    "few pixels": lambda: Image.fromarray(skimage.data.astronaut()).crop(AROUND_HER).resize((120, 120)),
}
"""Photos of the astronaut that are worse than the photo itself."""


def first_of(folder: Path, other: Image.Image) -> str:
    """The name of the first photo of a mosaic of views, "good", which shows the astronaut in 280 pixels, and "other"."""
    good = Image.fromarray(skimage.data.astronaut()).crop(AROUND_HER).resize((280, 280))
    photos = {"good": ImageOps.mirror(good), "other": other}
    photos |= {name: Image.fromarray(getattr(skimage.data, name)()) for name in ("coffee", "chelsea", "rocket")}
    folder.mkdir()
    for name, photo in photos.items():
        photo.save(folder / f"{name}.png")
    settings = MatchSettings((str(folder),), columns=30, max_uses=0, repeat_distance=0)
    with open_mosaic(folder / "coffee.png", settings, Silent()) as mosaic:
        return names(mosaic)[0]


@pytest.mark.parametrize("kind", WORSE)
def test_a_photo_of_a_person_with_a_fault_is_not_the_first(kind: str, tmp_path: Path) -> None:
    assert first_of(tmp_path / "faulty", WORSE[kind]()) == "good"


def test_without_a_fault_the_larger_photo_is_the_first(tmp_path: Path) -> None:
    assert first_of(tmp_path / "it", Image.fromarray(skimage.data.astronaut()).crop(AROUND_HER)) == "other"


def test_a_smooth_photo_is_not_taken_for_a_blurred_one_or_a_drawing(tmp_path: Path) -> None:
    pagoda = load_sample_images().images[0]
    clouds = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 1, (700, 640)), (0, 0), 5)
    sky = cv2.resize(pagoda[:20], (640, 700)) + 1.5 * clouds[..., np.newaxis] / clouds.std()
    photo = np.concatenate([cv2.GaussianBlur(sky, (0, 0), 3), pagoda]).clip(0, 255).astype(np.uint8)
    Image.fromarray(photo).save(tmp_path / "sky.png")
    for number in range(4):
        logo(number).save(tmp_path / f"logo{number}.png")
    Image.fromarray(skimage.data.coffee()).filter(ImageFilter.GaussianBlur(6)).save(tmp_path / "blurred.png")
    settings = MatchSettings((str(tmp_path),), columns=12, max_uses=0, repeat_distance=0)
    with open_mosaic(tmp_path / "sky.png", settings, Silent()) as mosaic:
        assert names(mosaic)[0] == "sky"


def test_a_wide_photo_fills_a_tall_frame_unless_that_cuts_its_subject(tmp_path: Path) -> None:
    china, flower = load_sample_images().images
    small = cv2.resize(flower[60:360, 150:450], (70, 70), interpolation=cv2.INTER_AREA)
    bed, random = np.full((480, 800, 3), (40, 90, 40), np.uint8), np.random.default_rng(0)
    for y, x in np.ndindex(6, 10):
        top, left = 80 * y + random.integers(10), 80 * x + random.integers(10)
        bed[top : top + 70, left : left + 70] = np.rot90(small, random.integers(4))
    pictures = {"pagoda": china, "flowers": bed, "astronaut": skimage.data.astronaut()[:340]}
    for name, picture in pictures.items():
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    settings = MatchSettings((str(tmp_path),), columns=12, max_uses=0, repeat_distance=0)
    fills = {}
    with (
        open_mosaic(tmp_path / "pagoda.png", settings, Silent()) as mosaic,
        drawing(mosaic, (90, 160), OutputSettings()) as (stage, _),
    ):
        for number, photo in enumerate(mosaic.placement.photos):
            fills[photo.path.stem] = stage.framing(number).fills
    assert fills == {"pagoda": False, "flowers": True, "astronaut": True}


@pytest.mark.parametrize(("prefer", "people"), [("people", True), ("places", False)])
def test_people_or_places_are_preferred(library: Path, cover: Path, prefer: str, people: bool) -> None:
    settings = MatchSettings((str(library),), prefer=prefer, **MATCH)  # type: ignore[arg-type]  # a literal
    with open_mosaic(cover, settings, Silent()) as mosaic:
        assert names(mosaic)[0].startswith("astronaut") == people


def test_of_photos_that_match_as_well_the_preferred_ones_are_placed(tmp_path: Path) -> None:
    astronaut, cat = Image.fromarray(skimage.data.astronaut()), Image.fromarray(skimage.data.chelsea())
    for number in range(12):
        astronaut.rotate(number - 6).crop((60, 20, 380, 340)).save(tmp_path / f"person{number}.png")
        cat.rotate(10 * number).crop((100, 20, 350, 270)).save(tmp_path / f"cat{number}.png")
    Image.fromarray(skimage.data.coffee()).save(tmp_path / "cover.jpg")
    shares = {}
    for prefer in (None, "people", "places"):
        settings = MatchSettings((str(tmp_path / "*.png"),), columns=20, max_uses=0, prefer=prefer)  # type: ignore[arg-type]  # a literal
        with open_mosaic(tmp_path / "cover.jpg", settings, Silent()) as mosaic:
            placement = mosaic.placement
            faces = np.array([bool(photo.faces) for photo in placement.photos])
            assert faces.any() or prefer == "places"
            shares[prefer] = float(faces[placement.photo].mean())
    assert shares["places"] + 0.05 < shares[None] < shares["people"] - 0.05


def test_landings_depend_on_the_map_alone_and_are_kept(library: Path, cover: Path, tmp_path: Path) -> None:
    with open_mosaic(cover, MatchSettings((str(library),), **MATCH), Silent()) as mosaic:
        found = mosaic.landings
        assert found == find_landings(mosaic.placement, mosaic.library)
        save_map(mosaic.placement, tmp_path / "it.mosaic")
        (kept,) = Path(os.environ["MOSAIC_RENDERER_CACHE"]).rglob("landings/*.json")
        kept.write_text(json.dumps(found[::-1]))
        assert landings_of(mosaic.placement, mosaic.library) == found[::-1]
        for damaged in ("[]", "[-1]", "[1000000]", "[0.5]", "{}", "x"):
            kept.write_text(damaged)
            assert landings_of(mosaic.placement, mosaic.library) == found
    with open_mosaic(tmp_path / "it.mosaic", MatchSettings(), Silent()) as mosaic:
        assert mosaic.landings == found


def test_every_command_lands_on_the_same_photo_at_every_size(render: Run, library: Path, cover: Path) -> None:
    mosaic = (cover, "--tiles", library, "--columns", 16, "--use-all")
    _, before, _ = render("zoom", *mosaic, "--dry-run", "--json")
    assert json.loads(before)["landing"] is None  # photos have not been compared
    found = [
        json.loads(render(*words, *mosaic, "--json", "-y")[1])["landing"]
        for words in (
            ("zoom", "--size", "64x48", "--duration", 0.2, "-o", "it.mp4"),
            ("zoom", "--dry-run", "--size", "1080x1920"),
            ("zoom", "--draft", "--duration", 0.2, "-o", "draft.mp4"),
            ("still", "zoom", "--size", "48x96", "-o", "it.png"),
            ("still", "zoom", "--size", "96x48", "--direction", "out", "-o", "it.png"),
            ("sheet", "zoom", "--cells", "2x1", "-o", "it.png"),
            ("still", "show", "--size", "96x48", "--timeline", "zoom 2s, hold 1s", "-o", "it.png"),
            ("sheet", "landings", "-o", "landings.png"),
        )
    ]
    assert found == [found[0]] * len(found)
    assert found[0]["name"] in ("astronaut.png", "astronaut-copy.png")
    assert found[0]["size"] in ([512, 512], [500, 500])
    _, out, _ = render("still", "zoom", *mosaic, "--size", "48x96", "-o", "it.png", "-y")
    column, row = found[0]["cell"]
    assert f"Lands on {found[0]['name']} ({found[0]['size'][0]}x{found[0]['size'][1]}, cell {column},{row})" in out
    with Image.open("landings.png") as sheet:
        first = np.asarray(sheet.convert("RGB").crop((12, 12, 492, 492)))
    photo = Image.open(library / found[0]["name"]).convert("RGB").resize((480, 480), Image.Resampling.LANCZOS)
    assert difference(first, np.asarray(photo)).mean() < 2


def test_the_cell_of_a_landing_is_the_one_to_swap(render: Run, library: Path, cover: Path) -> None:
    mosaic = (cover, "--tiles", library, "--columns", 16, "--use-all", "--save-map", "it.mosaic")
    landing = json.loads(render("still", "zoom", *mosaic, "--size", "64x48", "-o", "it.png", "--json")[1])["landing"]
    column, row = landing["cell"]
    code, _, err = render(
        "edit", "it.mosaic", "--swap", f"{column},{row}={library / 'flower.png'}", "-o", "other.mosaic"
    )
    assert code == 0, err
    words = ("--focus", f"{(column + 0.5) / 16},{(row + 0.5) / 10.7}", "--size", "64x48", "-o", "swapped.png", "--json")
    assert json.loads(render("still", "zoom", "other.mosaic", *words)[1])["landing"] == {
        "name": "flower.png", "cell": [column, row], "size": [640, 427],
    }  # fmt: skip


def test_a_tour_names_all_of_its_photos_and_lasts_as_long_as_they_need(render: Run, library: Path, cover: Path) -> None:
    stops = [word for name in ("cat", "coffee", "flower", "china") for word in ("--focus", library / f"{name}.png")]
    words = ("zoom", cover, "--tiles", library, "--columns", 16, *stops, "--hold-start", 0.5, "--hold-end", 1.5)
    assert json.loads(render(*words, "--dry-run", "--json")[1])["duration"] == 0.5 + 4 * (2.5 + 1.5)
    assert json.loads(render(*words[:-8], "--dry-run", "--json")[1])["duration"] == 10
    _, out, _ = render(*words, "--size", "64x48", "--fps", 1, "-o", "it.mp4")
    order = [out.index(f"{name}.png (") for name in ("cat", "coffee", "flower", "china")]
    assert order == sorted(order)
