"""Digests of the scenes and frames of all animations, as lines of text: what must not depend on the processor.

    python -m tests.frame_digests FOLDER [NAME ...]

FOLDER contains a cover, another one, photos and a cache (`write_inputs`). The first run matches the covers and writes
the cache, from which the maps of later runs come. For each case: its name, the digest of the scenes' numbers, to the
last bit, which shows differences that move no pixel in a few small frames, and the digest of the frames.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import cv2
import numpy as np

from renderer.colour import from_cicp, light_of
from renderer.job import MatchSettings, open_frames, open_mosaic, sample_pictures
from renderer.pixels import blurred, filling, resize
from renderer.plugins import load_animation
from renderer.progress import Silent
from renderer.scene import Scene, Sprites
from renderer.settings import OutputSettings, OverlaySettings
from renderer.subject import attention

SIZE: Final = (192, 108)

FRAMES: Final = 5  # of each case, at even distances

NEXT: Final = {"to": ("next.jpg",)}


class Case(NamedTuple):
    """An animation of a mosaic, with the parameters that differ from the defaults."""

    animation: str
    parameters: Mapping[str, Any] = MappingProxyType({})
    match: Mapping[str, Any] = MappingProxyType({})
    output: Mapping[str, Any] = MappingProxyType({})
    overlay: Mapping[str, Any] = MappingProxyType({})


HEXAGONS: Final = {"tile_shape": "hexagon", "gap": 0.08}

CASES: Final = {
    "zoom": Case("zoom", overlay={"title": "One title\nin two lines", "logo": Path("next.jpg")}),
    "zoom-blur": Case("zoom", {"drift": 0.05}, output={"fit": "blur", "motion_blur": 0.5, "size": (108, 192)}),
    "zoom-tour": Case("zoom", {"focus": ("0.2,0.3", "0.8,0.6")}, {"mask": "heart"}, {"background": "blur"}),
    "zoom-transparent": Case("zoom", {"reverse": True}, HEXAGONS, {"transparent": True}),
    "disperse": Case("disperse", {"depth_blur": 0.8}),
    "disperse-wind": Case("disperse", {"style": "wind", "stagger": "noise"}, overlay={"title": "T", "title_at": "top"}),
    "disperse-gravity": Case("disperse", {"style": "gravity", "reveals": "next.jpg"}, {"mask": "heart"}),
    "gather": Case("gather", {"style": "vortex"}, HEXAGONS),
    "flight": Case("flight", {"heading": 30.0}, {"adaptive": True}),
    "flight-blur": Case("flight", {"start": "mosaic"}, output={"motion_blur": 0.5, "fit": "pad", "size": (108, 192)}),
    "flip": Case("flip", {**NEXT, "order": "random"}),
    "flip-hue": Case("flip", {**NEXT, "order": "hue", "axis": "horizontal"}, HEXAGONS),
    "morph": Case("morph", NEXT),
    "parade": Case("parade", {"photos": 12}),
    "endless": Case("endless", {**NEXT, "loop": True}),
    "sort-hue": Case("sort", {"by": "hue"}),
    "sort-brightness": Case("sort", {"by": "brightness"}, {"adaptive": True}),
    "sort-name": Case("sort", {"by": "name"}, {"mask": "heart"}),
    "wave": Case("wave"),
    "reveal-drop": Case("reveal", {"order": "spiral", "enter": "drop", "depth_blur": 0.5}),
    "reveal-pop": Case("reveal", {"order": "clusters", "enter": "pop", "start": "blur"}),
    "reveal-flip": Case(
        "reveal", {"order": "brightness", "enter": "flip", "start": "cover"}, {"tile_shape": "mixed", "gap": 0.1}
    ),
    "reveal-slide": Case("reveal", {"order": "diagonal", "enter": "slide", "loop": True}, {"corner_radius": 0.3}),
    "show": Case("show", {"timeline": "reveal 4s order=centre, hold 1s, flight 4s from=mosaic, disperse 3s"}),
}


def write_inputs(folder: Path, photos: Path) -> None:
    """Write a cover and another one, and link photos."""
    for name, picture in zip(("cover.jpg", "next.jpg"), sample_pictures(), strict=True):
        (folder / name).write_bytes(picture.read_bytes())
    (folder / "photos").symlink_to(photos)


def numbers_of(value: object) -> Iterator[bytes]:
    """Yield the numbers of a scene as bytes."""
    if isinstance(value, np.ndarray):
        yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, Sprites | Scene) or is_dataclass(value):
        for each in fields(value):  # type: ignore[arg-type]  # an instance
            if each.name not in ("rest", "preview", "nested"):
                yield from numbers_of(getattr(value, each.name))
    elif isinstance(value, tuple):
        for each in value:
            yield from numbers_of(each)
    elif isinstance(value, int | float):
        yield repr(float(value)).encode()


def digests(case: Case) -> tuple[str, str]:
    """Return the digest of the scenes of a case and that of its frames."""
    settings = MatchSettings(**{"tiles": ("photos",), "columns": 24, **case.match})
    animation = load_animation(case.animation)(**case.parameters)
    output = OutputSettings(**{"size": SIZE, **case.output})
    scenes, frames = hashlib.blake2b(digest_size=8), hashlib.blake2b(digest_size=8)
    with (
        open_mosaic(Path("cover.jpg"), settings, Silent(), animation) as mosaic,
        open_frames(mosaic, animation, output.size or SIZE, output, OverlaySettings(**case.overlay)) as source,
    ):
        width, height = source.stage.frame
        for number in np.linspace(0, source.stage.frames - 1, FRAMES).astype(int).tolist():
            shot = source.shot(number)
            for part in numbers_of(shot if isinstance(shot, Scene) else tuple(map(source.motion, shot))):
                scenes.update(part)
            frames.update(source.picture_of(shot).tobytes())
            if source.stage.background is not None:
                planes = np.empty((height, width), np.uint8), *np.empty((2, height // 2, width // 2), np.uint8)
                source.draw_planes(shot, planes)
                for plane in planes:
                    frames.update(plane.tobytes())
    return scenes.hexdigest(), frames.hexdigest()


def digest_of_pictures() -> str:
    """Return a digest of what is done with pictures, among others those in other colour spaces."""
    digest, noise = hashlib.blake2b(digest_size=8), np.random.default_rng(5).integers(0, 256, (90, 160, 3), np.uint8)
    for primaries, transfer in ((12, 13), (9, 16), (9, 18), (1, 4)):  # Display P3, PQ, HLG, a gamma
        colours = from_cicp(primaries, transfer)
        assert colours is not None
        digest.update(light_of(colours, lambda: [75] * 768)(noise).tobytes())
    for pixels in (filling(noise, (300, 200)), resize(noise, 200, 100), resize(noise, 33, 22)):
        digest.update(pixels.tobytes())
    colours_of_noise = noise.astype(np.float32) / np.float32(255)
    digest.update(blurred(colours_of_noise).tobytes())
    digest.update(attention(colours_of_noise, []).tobytes())
    return digest.hexdigest()


def digest_of_libraries() -> str:
    """Return a digest of what differs between variants of NumPy, BLAS, OpenCV and the C library."""
    values = np.random.default_rng(6).random((300, 300)).astype(np.float32)
    angles = np.arange(10_000) * 0.37
    results = (np.exp(-angles / 9), np.sin(angles), values @ values.T, cv2.GaussianBlur(values, (0, 0), 8))
    return hashlib.blake2b(b"".join(each.tobytes() for each in results), digest_size=8).hexdigest()


def main() -> None:
    """Print the digests of all cases, or of those that are named."""
    folder, *names = sys.argv[1:]
    os.chdir(folder)
    os.environ["MOSAIC_RENDERER_CACHE"] = str(Path("cache").absolute())
    for name in names or CASES:
        sys.stdout.write(" ".join((name, *digests(CASES[name]))) + "\n")
    sys.stdout.write(f"pictures {digest_of_pictures()}\n")
    sys.stdout.write(f"libraries {digest_of_libraries()}\n")


if __name__ == "__main__":
    main()
