"""Follow the advice on mosaics, and compare the figures before and after.

    python benchmarks/advice.py --tiles FOLDER [--people FOLDER]

`--tiles` contains mixed photos, from which libraries of one kind are made: the 300 with the highest contrast, 50 of
these, grey, dark and blue ones, and 100 at random. `--people` is one more library. Each is matched with four covers, by
default with the default number of cells. Each piece of advice is followed alone: photos of the named colours, as many
as it names or as there are, are taken from the other mixed photos, at random; the number of columns, or the contrast,
is set. With `--always`, the two commonest missing colours are also tried where there is no advice on colours.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import skimage.data

from renderer.descriptors import describe_structure, mean_lab, signatures
from renderer.fidelity import colour_names, missing_colours
from renderer.grid import default_cells, make_grid
from renderer.job import sample_pictures
from renderer.library import Library, Photo
from renderer.matching import MatchStyle, match_photos
from renderer.messages import as_argument, spelled
from renderer.pictures import Pixels, read_picture, resize
from renderer.placement import JsonValue
from renderer.progress import Silent

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Case:
    """A library with the settings of its mosaics."""

    name: str
    tiles: Pixels  # (P, 32, 32, 3)
    others: Pixels  # (M, 32, 32, 3) photos that may be added
    columns: int | None = None
    style: MatchStyle = MatchStyle()


@dataclass(frozen=True)
class Result:
    """Figures of a mosaic."""

    delta_e: float
    delta_e_95: float
    ssim: float
    gain: float
    advice: str

    def __str__(self) -> str:
        return f"{self.delta_e:.2f}, {self.delta_e_95:.1f}, {self.ssim:.3f}, {self.gain:.2f}"


def squares(folder: Path) -> Pixels:
    """Return the middle squares of the photos in a folder, (P, 32, 32, 3)."""
    tiles = []
    for path in sorted(folder.glob("*.jpg")):
        pixels = read_picture(path).pixels
        side = min(pixels.shape[:2])
        top, left = ((length - side) // 2 for length in pixels.shape[:2])
        tiles.append(resize(pixels[top : top + side, left : left + side], 32, 32))
    return np.stack(tiles)


def covers() -> dict[str, Pixels]:
    """Return the covers by name, (H, W, 3) each."""
    folder = Path(skimage.data.__file__).parent
    astronaut, coffee = (read_picture(folder / name).pixels for name in ("astronaut.png", "coffee.png"))
    face = resize(astronaut[10:190, 130:320], 1140, 1080)
    return {
        "face": face, "astronaut": astronaut, "coffee": resize(coffee, 1200, 800),
        "china": read_picture(sample_pictures()[0]).pixels,
    }  # fmt: skip


def cases(tiles: Pixels, people: Pixels | None) -> Iterator[Case]:
    """Yield the libraries."""
    rng = np.random.default_rng(0)
    lab = mean_lab(signatures(tiles))
    chroma, hue = np.hypot(lab[:, 1], lab[:, 2]), np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360
    grey = tiles.mean(axis=3).reshape(len(tiles), -1)
    hard = np.argsort(0.5 * abs(grey.mean(axis=1) - 110) - grey.std(axis=1), kind="stable")[:300]

    def case(name: str, some: Numbers, columns: int | None = None, style: MatchStyle | None = None) -> Case:
        others = np.delete(tiles, hard if "contrast" in name else some, axis=0)
        return Case(name, tiles[some], others, columns, style or MatchStyle())

    yield case("300 of high contrast", hard)
    yield case("50 of high contrast", hard[::6])
    yield case("50 of high contrast, 70 columns", hard[::6], 70)
    yield case("grey", np.flatnonzero(chroma < 5))
    yield case("dark", np.flatnonzero(lab[:, 0] < 28))
    blue = np.flatnonzero((hue > 225) & (hue < 300) & (chroma > 12))
    yield case("blue", blue)
    yield case("blue, tone 0.5", blue, style=MatchStyle(tone=0.5))
    yield case("blue, tone 0", blue, style=MatchStyle(tone=0.0))
    yield case("100 mixed", rng.permutation(len(tiles))[:100])
    yield Case("all", tiles, tiles[:0])
    yield Case("all, 24 columns", tiles, tiles[:0], 24)
    if people is not None:
        yield Case("people", people, tiles)


def match(cover: Pixels, case: Case, tiles: Pixels, columns: int | None, style: MatchStyle) -> Result:
    """Match a cover with photos in the grid of a case, or with other columns."""
    means = tiles.mean(axis=(1, 2)) / 255
    photos = [
        Photo(Path(f"{number}.jpg"), str(number), (32, 32), (0, 0, 32, 32), (float(r), float(g), float(b)))
        for number, (r, g, b) in enumerate(means)
    ]
    size = cover.shape[1], cover.shape[0]
    grid = make_grid(*size, columns=columns or case.columns, cells=default_cells(len(case.tiles)))
    found = match_photos(cover, grid, Library(photos, tiles), Silent(), style=style)
    return _result(found.recipe["figures"])


def _result(figures: JsonValue) -> Result:
    match figures:
        case {
            "delta_e": float(mean), "delta_e_95": float(worst), "ssim": float(ssim), "mean_gain": float(gain),
            "advice": str(advice),
        }:  # fmt: skip
            return Result(mean, worst, ssim, gain, spelled(advice, as_argument))
    raise AssertionError(figures)


def of_colours(case: Case, names: list[str], count: int) -> Pixels:
    """Return about `count` other photos with mean colours of these names, equally many of each if there are."""
    named = colour_names(mean_lab(signatures(case.others)))
    order = np.random.default_rng(5).permutation(len(named))
    each = -(-count // len(names))
    return np.concatenate([case.others[order[named[order] == name][:each]] for name in names])


def follow(cover: Pixels, case: Case, sentence: str) -> tuple[str, Result] | None:
    """Follow one sentence of advice: what was done, and the result; None if it can't be followed."""
    if found := re.search(r"contrast=([\d.]+)", sentence):
        style = MatchStyle(tone=case.style.tone, contrast=float(found[1]))
        return f"contrast {found[1]}", match(cover, case, case.tiles, None, style)
    if found := re.search(r"columns=(\d+)", sentence):
        return f"{found[1]} columns", match(cover, case, case.tiles, int(found[1]), case.style)
    if found := re.search(r"cells are (.+), but few photos are: adding (\d+) such", sentence):
        more = of_colours(case, found[1].split(" or "), int(found[2]))
        if not len(more):
            return None
        tiles = np.concatenate([case.tiles, more])
        return f"{len(more)} more in {found[1]}", match(cover, case, tiles, None, case.style)
    if found := re.search(r"use at least (\d+) photos", sentence):
        order = np.random.default_rng(5).permutation(len(case.others))[: int(found[1]) - len(case.tiles)]
        tiles = np.concatenate([case.tiles, case.others[order]])
        return f"{len(order)} more, mixed", match(cover, case, tiles, None, case.style)
    raise AssertionError(sentence)


def unadvised(cover: Pixels, case: Case) -> tuple[str, Result] | None:
    """Add 50 photos of the two commonest colours that few photos have, although there is no advice to."""
    thumbs = np.stack([resize(cover, 64, 64)])
    cells = thumbs.reshape(8, 8, 8, 8, 3).swapaxes(1, 2).reshape(64, 8, 8, 3)
    names = list(missing_colours(describe_structure(signatures(case.tiles)).mean, mean_lab(cells)))[:2]
    more = of_colours(case, names, 50) if names else case.others[:0]
    if not len(more):
        return None
    return f"not advised: {len(more)} in {' or '.join(names)}", match(
        cover, case, np.concatenate([case.tiles, more]), None, case.style
    )


def main() -> None:
    """Print a table of the figures before and after."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--tiles", required=True, type=Path, help="a folder of mixed photos")
    options.add_argument("--people", type=Path, help="a folder of photos of people")
    options.add_argument("--always", action="store_true", help="also add missing colours without advice")
    arguments = options.parse_args()
    people = squares(arguments.people) if arguments.people else None
    print("Figures: mean colour error, 95th percentile, SSIM, mean gain\n")
    print("| cover | photos | figures | followed | expected | figures then | colour error |\n|--|--|--|--|--:|--|--:|")
    for case in cases(squares(arguments.tiles), people):
        for name, cover in covers().items():
            before = match(cover, case, case.tiles, None, case.style)
            done = [(each, follow(cover, case, each)) for each in before.advice.split("; ") if each]
            if arguments.always and "such photo" not in before.advice:
                done.append(("", unadvised(cover, case)))
            for sentence, result in done:
                if result is not None:
                    expected = re.search(r"about (\d+) %", sentence)
                    change = 100 * (result[1].delta_e / before.delta_e - 1)
                    share = f"−{expected[1]} %" if expected else ""
                    text = f"{result[0]} | {share} | {result[1]} | {change:+.0f} %".replace("-", "−")
                    print(f"| {name} | {case.name} | {before} | {text} |", flush=True)
            if not done:
                print(f"| {name} | {case.name} | {before} | no advice | | | |", flush=True)


if __name__ == "__main__":
    main()
