"""Wave: the mosaic leans back and waves run through it, as through cloth, or like water around a point."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Final

import numpy as np

from renderer.scene import Animation, Camera, Ending, Motion, Scene, Sprites, Stage, arithmetic, ease, parameter


@dataclass(frozen=True)
class Wave(Animation):
    """Let waves run through the mosaic, as through cloth or water."""

    closes: ClassVar[bool] = True
    seconds: ClassVar[float] = 6.0

    loop: bool = parameter(
        False, "Keep the waves going, so that the video repeats without a jump; if not, they come and go"
    )
    origin: tuple[float, float] | None = parameter(
        None,
        "Point from which ripples spread, in fractions of the cover; default: none, waves cross the mosaic",
        low=0,
        high=1,
    )
    amplitude: float = parameter(0.7, "Height of the waves: 0.3 is a breeze, 1 a flag in the wind", low=0, high=2)
    wavelength: float = parameter(
        0.35, "Distance from crest to crest, as a share of the longer side of the frame", low=0.1, high=2
    )
    period: float = parameter(
        1.5, "Time from crest to crest, about: a loop contains whole periods", unit="seconds", low=0.3, high=60
    )
    tilt: float = parameter(
        30, "Angle by which the mosaic leans back, and so shows its waves", unit="degrees", low=0, high=60
    )
    light: float = parameter(0.5, "How much slopes brighten and darken with their angle to the light", low=0, high=1)

    def endings(self) -> tuple[Ending, Ending]:
        """Return the mosaic, or in a loop its waves."""
        return ("other", "other") if self.loop else ("mosaic", "mosaic")

    def prepare(self, stage: Stage) -> Motion:
        """Compute the phases of the waves at the edges of all tiles; a frame then only evaluates their sines."""
        whole, tiles = stage.whole_camera(), stage.resting_sprites()
        swell = _Swell(self, stage, tiles)
        (x, y), (_, height) = whole.centre, stage.view(whole)
        pitch, yaw = math.radians(self.tilt), _SIDEWAYS * math.radians(self.tilt)
        leaning = [
            replace(whole, centre=(x, y + _LOWER * height * arithmetic.sin(pitch)), pitch=pitch, yaw=side * yaw)
            for side in (-1, 1)
        ]
        fitting = min(_fitting_scale(camera, stage, swell.height) for camera in leaning)
        fills, background = stage.fills_frame(), stage.background
        if fills and background == (0.0, 0.0, 0.0):  # none was specified
            is_dark = stage.mosaic.cell_colours().mean() < _DARK
            background = int(stage.backdrop(light=_BRIGHTER if is_dark else _DARKER).texture[0])
        smaller = max(1 - fitting / self.drifted(whole, 1.0).scale, 0.0) * (_BESIDE if fills else 1.0)

        def motion(progress: float) -> Scene:
            if not self.loop and progress in (0.0, 1.0):
                return stage.scene(whole, tiles)
            share = 1.0 if self.loop else float(ease(min(progress, 1 - progress) / _LEANS))
            turn = 2 * math.pi * progress
            camera = self.drifted(whole, share)
            camera = replace(
                camera,
                centre=(x, y + _LOWER * height * arithmetic.sin(pitch * share)),
                scale=camera.scale * (1 - share * smaller),
                pitch=pitch * share * (0.94 + 0.06 * arithmetic.cos(turn)),
                yaw=yaw * share * arithmetic.sin(turn + _FIRST_TURN),
            )
            return replace(stage.scene(camera, _lit(swell.at(progress, share), self.light)), background=background)

        return motion


def _fitting_scale(camera: Camera, stage: Stage, height: float) -> float:
    """Return the largest scale at which a camera shows, with waves of a height, all that is visible of the mosaic."""
    x, y = np.stack(stage.visible_box(), 1)
    corners = np.stack(np.meshgrid(x, y, (-0.5 * height, 0.5 * height)), -1).reshape(-1, 3)
    seen = arithmetic.product(corners - (*camera.centre, 0.0), camera.axes().T)
    frame = stage.frame
    half, focal = 0.5 * np.array(frame), camera.distance(frame[1]) * camera.scale
    return float((half / np.maximum(np.abs(seen[:, :2]) + seen[:, 2:] * half / focal, 1e-9)).min())


def _lit(sprites: Sprites, amount: float) -> Sprites:
    """Return sprites brightened more than darkened, so that no slope looks like dirt on a face."""
    space = sprites.lit(amount).space
    assert space is not None
    gain, shine = space.light.T
    return sprites.brightened(np.where(gain < 1, 1 + _SHADE * (gain - 1), gain), _SHINE * shine)


_LEANS: Final = 0.25  # share of the duration in which the mosaic leans back, and in which it rises again
_SIDEWAYS: Final = 0.4  # by how much it turns to the sides, relative to the tilt
_FIRST_TURN: Final = 0.6  # radians: where in this movement it starts
_LOWER: Final = 0.1  # share of the view by which the camera looks below the middle: the upper part becomes smaller
_BESIDE: Final = 0.6  # by how much a mosaic that fills the frame becomes smaller, relative to one that stays in it
_DARKER: Final = 0.4  # brightness of the blurred mosaic around it, so that its edges are visible
_BRIGHTER: Final = 2.2  # the same around a dark mosaic
_DARK: Final = 0.3  # mean sRGB of a dark mosaic

_SHADE: Final = 0.6  # by how much slopes darken
_SHINE: Final = 0.1  # and highlights lighten them: on dark tiles they look like dust

_STEEPNESS: Final = 0.2  # height of a wave relative to its length; its steepest slope is π times as much

_WAVES: Final = ((0.75, 1.0, 1.0, 0.75), (-0.05, 0.62, 1.5, 0.25))
"""Waves of cloth: direction in radians, length and frequency relative to the first, share of the height."""

_RIPPLES: Final = ((0.0, 0.8, 1.0, 1.0),)

_DELAY: Final = 0.13  # share of the duration after which the waves reach the other side
_RISE: Final = 0.16  # share over which they rise, and fall

_OVERLAP: Final = 0.4  # by how much tiles are enlarged, relative to their size in wavelengths
_MOST_OVERLAP: Final = 0.08


class _Swell:
    """The height of a mosaic whose waves all travel a whole number of their lengths."""

    def __init__(self, wave: Wave, stage: Stage, tiles: Sprites) -> None:
        self.wave = wave
        middle, part = stage.visible_part(stage.whole_camera())
        side = 2 * float(np.median(arithmetic.lengths(np.concatenate([tiles.right, tiles.down]))))
        length = max(wave.wavelength * max(part), 4 * side)
        self.height = wave.amplitude * _STEEPNESS * length
        cycles = max(round(stage.seconds / wave.period), 1)
        # Neighbouring tiles have the middles of their edges in common. At corners, flat tiles can't all meet.
        centre, right, down = tiles.centre, tiles.right, tiles.down
        points = np.stack([centre + right, centre - right, centre + down, centre - down])
        self.overlap = min(_OVERLAP * wave.amplitude * side / length, _MOST_OVERLAP) * bool(tiles.joined.any())
        self.tiles = tiles
        directions, lengths, rates, self.shares = np.array(_WAVES if wave.origin is None else _RIPPLES).T
        if wave.origin is None:
            ways = np.stack([arithmetic.cos(directions), arithmetic.sin(directions)])
            along = arithmetic.product(points - middle, ways)
        else:
            off = points - stage.position(wave.origin)
            along = np.sqrt((off * off).sum(axis=-1, keepdims=True) + 0.0625 * length * length)  # round at the origin
        self.phases, self.turns = along / (lengths * length), np.maximum(np.rint(cycles * rates), 1)
        away = along[..., 0]
        self.delay = _DELAY * (away - away.min()) / max(float(np.ptp(away)), 1e-9)

    def at(self, progress: float, share: float) -> Sprites:
        """Return the tiles on the waves, each overlapping its neighbours by a share of what is necessary."""
        z = arithmetic.product(arithmetic.sin(2 * math.pi * (self.phases - self.turns * progress)), self.shares)
        if not self.wave.loop:
            time = progress - self.delay
            z *= ease(time, "smooth", 0, _RISE) * ease(1 - _DELAY - time, "smooth", 0, _RISE)
        right, left, below, above = 0.5 * self.height * z
        middle, larger = 0.25 * (right + left + below + above), 1 + share * self.overlap
        some = replace(self.tiles, right=self.tiles.right * larger, down=self.tiles.down * larger)
        return some.lifted(np.stack([middle, 0.5 * larger * (right - left), 0.5 * larger * (below - above)], 1))
