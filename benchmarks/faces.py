"""Faces of photos: how many the edge of a tile or of the last frame of a zoom cuts, and what finding them costs.

    python benchmarks/faces.py --people FOLDER [--large FOLDER] [--only cut landings sizes cost stored]

`--people`: photos that show one person each. The face of a photo is the largest box that the detector finds in a
picture of 512 pixels: for Caltech's frontal faces, a look at all boxes showed that this one is right in each photo, and
that others show the same face again, or none. A face is cut if its box is not wholly inside the photo's crop.
`landings` counts the faces that the edge of the last frame of a zoom cuts, at random points of mosaics of the sample
pictures and where no focus is specified, and those that a frame around the middle of the same photos would cut.
`--large`: photos of about 12 megapixels, whose indexing is timed with and without faces, in alternation. `stored` times
what is computed from the thumbnails of an index: faces, for one of an earlier version, and crops of another ratio.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from fractions import Fraction
from itertools import pairwise, product
from pathlib import Path

import numpy as np

from animations.zoom import Zoom
from renderer.faces import Face, find_faces
from renderer.job import MatchSettings, drawing, open_mosaic, sample_pictures
from renderer.library.crops import CropRule
from renderer.library.index import File, Index
from renderer.library.indexing import refresh
from renderer.library.photos import Photo
from renderer.library.reading import read_file, thumbnail_of
from renderer.library.walking import find_files
from renderer.pictures import read_picture
from renderer.progress import Silent
from renderer.scene import Stage
from renderer.settings import OutputSettings

REFERENCE_PIXELS = 512
RATIOS = (Fraction(1), Fraction(3, 2), Fraction(2, 3))
SIZES = (96, 128, 160, 192, 256, 320)
ROUNDS = 5
FRAMES = ((540, 960), (960, 540))
COLUMNS = (30, 50, 70)
LANDINGS = 5
"""Random points at which the camera lands, in each mosaic and frame."""


def face_of(path: Path) -> Face | None:
    """Return the largest face of a photo."""
    return max(find_faces(read_picture(path).pixels, REFERENCE_PIXELS), key=lambda face: face[2], default=None)


def is_cut(face: Face, part: Face) -> tuple[bool, bool]:
    """Return whether a face is not wholly inside a part of a photo, in fractions of it, and whether it would fit."""
    inside = all(
        part[axis] <= face[axis] + 1e-9 and face[axis] + face[axis + 2] <= part[axis] + part[axis + 2] + 1e-9
        for axis in (0, 1)
    )
    return not inside, face[2] <= part[2] and face[3] <= part[3]


def crop_of(photo: Photo) -> Face:
    """Return a photo's crop in fractions of it."""
    (left, top, across, along), (width, height) = photo.crop, photo.size
    return left / width, top / height, across / width, along / height


def compare_crops(paths: list[Path], faces: dict[Path, Face]) -> None:
    """Count the faces that are cut, with and without faces in the index, for several ratios."""
    for rule in (CropRule(faces=False), CropRule()):
        with tempfile.TemporaryDirectory() as folder, Index(Path(folder, "it.sqlite"), rule) as index:
            refresh(index, paths, Silent())
            squares, _ = index.scanned()
            for ratio in RATIOS:
                photos = [photo for photo in squares.cropped(ratio) if photo.path in faces]
                cut = [is_cut(faces[photo.path], crop_of(photo)) for photo in photos]
                count = sum(is_cut for is_cut, _ in cut)
                too_large = sum(not fits for _, fits in cut)
                print(
                    f"{ratio}, {'with' if rule.faces else 'without'} faces: {count} of {len(photos)} cut "
                    f"({count / len(photos):.1%}); {too_large} do not fit",
                    flush=True,
                )


def landed_part(stage: Stage, zoom: Zoom) -> Face:
    """Return the part of a photo that the last frame of a zoom shows, in fractions of the photo."""
    scene = zoom.prepare(stage)(1.0)
    sprite = scene.sprites[-1]
    unit = np.abs(sprite.right[0] + sprite.down[0]) * 2 / (sprite.window[0, 2:] - sprite.window[0, :2])
    middle = 0.5 * (sprite.window[0, :2] + sprite.window[0, 2:]) + (scene.camera.centre - sprite.centre[0]) / unit
    size = np.array(stage.view(scene.camera)) / unit
    (left, top), (width, height) = (middle - size / 2).tolist(), size.tolist()
    return left, top, width, height


def compare_landings(folder: str, faces: dict[Path, Face]) -> None:
    """Count the faces that the edge of the last frame cuts, and that it would cut around the middle of the photo."""
    points = np.random.default_rng(5).uniform(0.1, 0.9, (LANDINGS, 2)).tolist()
    zooms = {"chosen": [Zoom()], "random": [Zoom(focus=(f"{x:.3f},{y:.3f}",)) for x, y in points]}
    counts: dict[tuple[str, tuple[int, int]], list[tuple[bool, bool, bool]]] = {}
    for cover, shape, columns in product(sample_pictures(), ("square", "3:2"), COLUMNS):
        match = MatchSettings(tiles=(folder,), tile_shape=shape, columns=columns)
        with open_mosaic(cover, match, Silent()) as mosaic:
            for size, (kind, some) in product(FRAMES, zooms.items()):
                with drawing(mosaic, size, OutputSettings(size=size)) as (stage, _):
                    for zoom in some:
                        cell = zoom.last_photo(stage)
                        assert cell is not None
                        face = faces.get(stage.photo(int(stage.mosaic.photo[cell])).path)
                        if face is not None:
                            x, y, width, height = landed_part(stage, zoom)
                            before = (0.5 - width / 2, 0.5 - height / 2, width, height)
                            counts.setdefault((kind, size), []).append(
                                (*is_cut(face, (x, y, width, height)), is_cut(face, before)[0])
                            )
    for (kind, (width, height)), found in counts.items():
        cut, fit, before = (sum(each) for each in zip(*found, strict=True))
        print(
            f"{kind} landings at {width} × {height}: {cut} of {len(found)} faces cut, {before} around the middle of "
            f"the photo; {len(found) - fit} do not fit, and of the others "
            f"{sum(cut and fit for cut, fit, _ in found)} are cut, or {sum(fit and cut for _, fit, cut in found)}",
            flush=True,
        )


def compare_sizes(paths: list[Path], faces: dict[Path, Face], others: list[Path]) -> None:
    """Compare the sizes in which thumbnails are searched: faces found, false ones in other photos, and time."""
    thumbnails = {path: thumbnail_of(read_picture(path, shorter_side=256).pixels) for path in [*paths, *others]}
    for size in SIZES:
        start = time.process_time()
        found = {path: find_faces(thumbnails[path], size) for path in paths}
        seconds = (time.process_time() - start) / len(paths)
        hits = sum(any(same(box, face) for box in found[path]) for path, face in faces.items())
        # From twice as far, the same face has half the pixels.
        far = sum(
            any(same(box, face) for box in find_faces(thumbnails[path], size // 2)) for path, face in faces.items()
        )
        false = sum(len(find_faces(thumbnails[path], size)) for path in others)
        print(
            f"{size} pixels: {hits} of {len(faces)} faces, of half the size {far}; {false} boxes in {len(others)} "
            f"photos without faces; {seconds * 1000:.1f} ms",
            flush=True,
        )


def same(box: Face, face: Face) -> bool:
    """Return whether a box shows a face: its middle is at most half the face's size beside the face's middle."""
    return all(
        abs(box[axis] + box[axis + 2] / 2 - face[axis] - face[axis + 2] / 2) < face[axis + 2] / 2 for axis in (0, 1)
    )


def compare_cost(name: str, paths: list[Path]) -> None:
    """Compare the processor time per photo that is read with and without faces: medians of interleaved rounds."""
    rules = (CropRule(faces=False), CropRule())
    seconds: dict[CropRule, list[float]] = {rule: [] for rule in rules}
    files = [File.at(path) for path in paths]
    for each in range(ROUNDS + 1):
        for rule in rules:
            start = time.process_time()
            for file in files:
                read_file(file, rule)
            if each:  # the first round fills caches
                seconds[rule].append((time.process_time() - start) / len(files))
    ratio = statistics.median(b / a for a, b in zip(*seconds.values(), strict=True))
    without, with_faces = (statistics.median(each) * 1000 for each in seconds.values())
    print(
        f"{len(files)} {name}: {without:.1f} ms per photo without faces, {with_faces:.1f} with: "
        f"{ratio:.2f} times as long, {with_faces - without:.1f} ms more",
        flush=True,
    )


def compare_stored(paths: list[Path]) -> None:
    """Time the search of thumbnails, and crops of another ratio at the first and at the second use."""
    with tempfile.TemporaryDirectory() as folder, Index(Path(folder, "it.sqlite"), CropRule(faces=False)) as index:
        refresh(index, paths, Silent())
        index.rule = CropRule()
        times = [(time.perf_counter(), time.process_time())]

        def step() -> None:
            times.append((time.perf_counter(), time.process_time()))

        refresh(index, paths, Silent())
        step()
        for _ in range(2):
            index.scanned()[0].cropped(Fraction(3, 2)).tiles_of(np.arange(len(paths)))
            step()
        index.scanned()[0].tiles_of(np.arange(len(paths)))
        step()
    each = [
        f"{(wall_end - wall) / len(paths) * 1000:.2f} ({(end - start) / len(paths) * 1000:.2f})"
        for (wall, start), (wall_end, end) in pairwise(times)
    ]
    print(
        f"{len(paths)} photos, ms per photo (processor time): faces in thumbnails {each[0]}; opening with crops of "
        f"3:2, and reading their tiles, first {each[1]}, then {each[2]}; squares {each[3]}",
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", required=True, help="a folder of photos that show one person each")
    parser.add_argument("--large", help="a folder of photos of about 12 megapixels, without people")
    kinds = ["cut", "landings", "sizes", "cost", "stored"]
    parser.add_argument("--only", nargs="+", choices=kinds, default=kinds)
    options = parser.parse_args()
    people = find_files([options.people])[0]
    large = find_files([options.large])[0] if options.large else []
    if {"cut", "landings", "sizes"} & set(options.only):
        faces = {path: face for path in people if (face := face_of(path)) is not None}
        print(
            f"{len(people)} photos, in {len(faces)} of which a face is found at {REFERENCE_PIXELS} pixels", flush=True
        )
        if "cut" in options.only:
            compare_crops(people, faces)
        if "landings" in options.only:
            compare_landings(options.people, faces)
        if "sizes" in options.only:
            compare_sizes(people, faces, large)
    if "stored" in options.only:
        compare_stored(people)
    if "cost" in options.only:
        compare_cost("photos of people", people[::4])
        if large:
            compare_cost("large photos", large)


if __name__ == "__main__":
    main()
