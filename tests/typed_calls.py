"""Calls of the Python API that mypy must accept, and calls that it must reject: an unused `type: ignore` is an error."""

from fractions import Fraction
from pathlib import Path
from typing import assert_type

import renderer
from renderer.clip import MosaicClip
from renderer.pictures import Pixels


def accepted(cover: str, photos: Path) -> None:
    mosaic = renderer.match(cover, tiles="photos", max_uses=4, tone="auto", library_dir="libraries")
    assert_type(mosaic, renderer.Mosaic)
    assert_type(mosaic.figures.delta_e, float | None)
    assert_type(mosaic.image(width=640), Pixels)
    mosaic.save("cover.mosaic", overwrite=True)
    renderer.render(mosaic, "zoom", "out.mp4", size=(1080, 1920), direction="inout", progress=print)
    summary = renderer.render(photos, renderer.Reveal(order="hue"), photos, tiles=["a", "b"], fps=30, max_size="20MB")
    assert_type(summary, renderer.Summary)
    assert_type(renderer.frame(mosaic.placement, "zoom", at=3.5, fps=Fraction(25)), Pixels)
    for frame in renderer.frames(mosaic, "zoom", size=(640, 360), background="navy"):
        assert_type(frame, Pixels)
    assert_type(renderer.as_clip(mosaic, "zoom", title="Hello"), MosaicClip)


def rejected(mosaic: renderer.Mosaic) -> None:
    renderer.match("cover.jpg", max_use=4)  # type: ignore[call-arg]
    renderer.match("cover.jpg", max_uses="4")  # type: ignore[arg-type]
    renderer.match("cover.jpg", match="strcture")  # type: ignore[arg-type]
    renderer.match(None)  # type: ignore[arg-type]
    renderer.render(mosaic, "zoom", "out.mp4", size=640)  # type: ignore[arg-type]
    renderer.render(mosaic, renderer.Zoom(direction="sideways"), "out.mp4")  # type: ignore[arg-type]
    renderer.render(mosaic, "zoom", "out.mp4", codec="mp3")  # type: ignore[arg-type]
    renderer.frame(mosaic, "zoom")  # type: ignore[call-arg]
    renderer.frames(mosaic, "zoom", progress=True)  # type: ignore[arg-type]
