"""Faces of photos: how many a tile's edge cuts, and what finding them costs.

    python benchmarks/faces.py --people FOLDER [--large FOLDER] [--only cut sizes cost stored]

`--people`: photos that show one person each. The face of a photo is the largest box that the detector finds in a
picture of 512 pixels: for Caltech's frontal faces, a look at all boxes showed that this one is right in each photo, and
that others show the same face again, or none. A face is cut if its box is not wholly inside the photo's crop.
`--large`: photos of about 12 megapixels, whose indexing is timed with and without faces, in alternation. `stored` times
what is computed from the thumbnails of an index: faces, for one of an earlier version, and crops of another ratio.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from renderer.faces import Face, find_faces
from renderer.library.crops import CropRule
from renderer.library.index import File, Index
from renderer.library.indexing import refresh
from renderer.library.photos import Photo
from renderer.library.reading import read_file, thumbnail_of
from renderer.library.walking import find_files
from renderer.pictures import read_picture
from renderer.progress import Silent

REFERENCE_PIXELS = 512
RATIOS = (Fraction(1), Fraction(3, 2), Fraction(2, 3))
SIZES = (96, 128, 160, 192, 256, 320)
ROUNDS = 5


def face_of(path: Path) -> Face | None:
    """Return the largest face of a photo."""
    return max(find_faces(read_picture(path).pixels, REFERENCE_PIXELS), key=lambda face: face[2], default=None)


def is_cut(face: Face, photo: Photo) -> tuple[bool, bool]:
    """Return whether a face is not wholly inside a photo's crop, and whether it would fit into it."""
    width, height = photo.size
    x, y, across, along = photo.crop
    left, top, right, bottom = face[0] * width, face[1] * height, face[2] * width, face[3] * height
    right, bottom = left + right, top + bottom
    inside = x <= left and y <= top and right <= x + across and bottom <= y + along
    return not inside, right - left <= across and bottom - top <= along


def compare_crops(paths: list[Path], faces: dict[Path, Face]) -> None:
    """Count the faces that are cut, with and without faces in the index, for several ratios."""
    for rule in (CropRule(faces=False), CropRule()):
        with tempfile.TemporaryDirectory() as folder, Index(Path(folder, "it.sqlite"), rule) as index:
            refresh(index, paths, Silent())
            squares, _ = index.scanned()
            for ratio in RATIOS:
                photos = [photo for photo in squares.cropped(ratio) if photo.path in faces]
                cut = [is_cut(faces[photo.path], photo) for photo in photos]
                count = sum(is_cut for is_cut, _ in cut)
                too_large = sum(not fits for _, fits in cut)
                print(
                    f"{ratio}, {'with' if rule.faces else 'without'} faces: {count} of {len(photos)} cut "
                    f"({count / len(photos):.1%}); {too_large} do not fit",
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
    kinds = ["cut", "sizes", "cost", "stored"]
    parser.add_argument("--only", nargs="+", choices=kinds, default=kinds)
    options = parser.parse_args()
    people = find_files([options.people])[0]
    large = find_files([options.large])[0] if options.large else []
    if "cut" in options.only or "sizes" in options.only:
        faces = {path: face for path in people if (face := face_of(path)) is not None}
        print(
            f"{len(people)} photos, in {len(faces)} of which a face is found at {REFERENCE_PIXELS} pixels", flush=True
        )
        if "cut" in options.only:
            compare_crops(people, faces)
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
