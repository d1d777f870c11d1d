"""Disperse: the tiles of the mosaic fly apart; gather is the reverse."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Final, Literal

from animations.scattering import Scattering
from animations.trajectories import Style
from renderer.scene import (
    Camera,
    Easing,
    Ending,
    Motion,
    Scene,
    SpatialAnimation,
    Sprites,
    Stage,
    ease,
    parameter,
)


@dataclass(frozen=True)
class Disperse(SpatialAnimation):
    """Scatter the tiles of the mosaic."""

    seconds: ClassVar[float] = 6.0
    styles: ClassVar[str] = "style"
    pause_below: ClassVar[float] = 0.8  # in seconds, on what the tiles reveal, by default

    style: Style = parameter(
        "burst", "How the tiles scatter: burst apart, blown away by wind, falling, or drawn into a vortex"
    )
    reveals: str | None = parameter(
        None,
        "What is below the tiles: cover (the plain cover), empty, or the path of a picture; default: the cover, in a "
        "timeline what comes next, and empty if the background is transparent",
        metavar="cover|empty|PICTURE",
    )
    origin: tuple[float, float] | None = parameter(
        None,
        "Where the scattering starts, in fractions of the cover; default: the middle of the visible part, with wind "
        "its left edge, with gravity its lower edge",
        low=0,
        high=1,
    )
    stagger: Literal["distance", "noise"] = parameter(
        "distance", "Which tiles leave first: those nearest to the origin, or random ones"
    )
    spread: float = parameter(0.55, "Share of the duration over which the tiles depart", low=0, high=0.9)
    easing: Easing = parameter("sine", "How each tile speeds up along its path, and slows down")
    spin: float = parameter(1.5, "Maximum rotation of a tile along its path", unit="turns", low=0, high=5)
    depth: float = parameter(1.0, "How far tiles move towards or away from the viewer", low=0, high=2)
    fade: float = parameter(0.25, "Share of its path, at the end, over which a tile fades out", low=0.01, high=1)
    hold_start: float | None = parameter(0.8, "Pause before the tiles leave", unit="seconds", low=0, high=60)
    hold_end: float | None = parameter(
        None,
        "Pause after the last tile has left; default: 0.8, or 0 if nothing is below the tiles",
        unit="seconds",
        low=0,
        high=60,
    )

    def endings(self) -> tuple[Ending, Ending]:
        """Return the mosaic and what is below it."""
        below: dict[str | None, Ending] = {None: "any", "cover": "cover", "empty": "empty"}
        return "mosaic", below.get(self.reveals, "picture")

    def prepare(self, stage: Stage) -> Motion:
        """Choose each tile's path at random; a frame then only evaluates the paths."""
        camera = stage.whole_camera()
        below = self._below(stage, camera)
        tiles = stage.resting_sprites()
        resting_part = stage.partly_resting(tiles)
        in_space = self.in_space(stage)
        scattering = Scattering(self, stage, camera, tiles)
        pauses = zip((self.hold_start, self.hold_end), (0.8, self.pause_below if below else 0.0), strict=True)
        before, after = stage.pause_shares([default if pause is None else pause for pause, default in pauses])

        def motion(progress: float) -> Scene:
            time = min(max((progress - before) / (1 - before - after), 0.0), 1.0)
            flying, rests = scattering.at(time * scattering.end)
            visible = self._visible(time)
            under = below if visible == 1 else [_fainter(each, visible) for each in below if visible > 0]
            # In a timeline, the camera comes back for what is adjacent.
            share = progress if stage.adjacent is None else 4 * progress * (1 - progress)
            return stage.scene(self.drifted(camera, share), *under, *in_space(flying, resting_part(rests)))

        return motion

    def _visible(self, time: float) -> float:
        """Return the opacity of what is below the tiles at a time, 0…1, of the movement."""
        # Through gaps between tiles, it would appear in one frame.
        appeared = float(ease(time, "smooth", 0.0, _APPEARS))
        if self.style == "vortex":
            return appeared * (_DARK + (1 - _DARK) * float(ease(time, "smooth", _BRIGHTENS, 1.0)))
        return appeared

    def _below(self, stage: Stage, camera: Camera) -> tuple[Sprites, ...]:
        """Return what the tiles reveal, at its full opacity."""
        if self.reveals is None and stage.adjacent is not None:
            return stage.adjacent.through(camera)
        if self.reveals == "empty" or (self.reveals is None and stage.background is None):
            return ()
        if self.reveals not in (None, "cover"):
            return (stage.fitted_picture(Path(self.reveals), "reveals"),)
        if stage.read_cover is None:
            stage.notice("The cover of this mosaic was not found, so nothing is below the tiles")
            return ()
        return (stage.cover_pieces(),)


@dataclass(frozen=True)
class Gather(Disperse):
    """Fly photos in from all sides until they form the mosaic."""

    pause_below: ClassVar[float] = 0.4

    reverse: bool = parameter(True, "Gather the tiles: the scattering in reverse")
    hold_start: float | None = parameter(
        None,
        "Pause before the first tile appears; default: 0.4, or 0 if nothing is below the tiles",
        unit="seconds",
        low=0,
        high=60,
    )
    hold_end: float | None = parameter(1.5, "Pause on the whole mosaic", unit="seconds", low=0, high=60)

    def prepare(self, stage: Stage) -> Motion:
        """Prepare the scattering with its two pauses swapped, since it is played in reverse."""
        return super(Gather, replace(self, hold_start=self.hold_end, hold_end=self.hold_start)).prepare(stage)


_APPEARS: Final = 0.05
"""Share of the movement over which what is below the tiles appears."""

_DARK: Final = 0.4
"""Its opacity in a vortex, whose tiles become so small that they could not be told from the details of a cover."""

_BRIGHTENS: Final = 0.6
"""Share of the movement after which it becomes opaque there."""


def _fainter(sprites: Sprites, opacity: float) -> Sprites:
    """Return sprites with an opacity; of those that are drawn as one picture, that picture."""
    if sprites.rest is not None and sprites.rest.picture is not None:
        sprites = sprites.rest.picture
    return sprites.faded(opacity)
