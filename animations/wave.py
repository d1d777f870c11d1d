"""Wave: the mosaic ripples like cloth in the wind, or like water around a point."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from renderer.scene import Animation, Ending, Motion, Scene, Sprites, Stage, ease, inside, parameter

if TYPE_CHECKING:
    from renderer.scene import Float64Array


@dataclass(frozen=True)
class Wave(Animation):
    """Let the mosaic ripple like cloth in the wind."""

    closes: ClassVar[bool] = True
    seconds: ClassVar[float] = 6.0

    loop: bool = parameter(
        True, "Keep the waves going, so that the video repeats without a jump; if not, they come and go"
    )
    origin: tuple[float, float] | None = parameter(
        None,
        "Point from which ripples spread, in fractions of the cover; default: none, waves cross the mosaic",
        low=0,
        high=1,
    )
    amplitude: float = parameter(1.0, "Height of the waves: 0.3 is a breeze, 1 a flag in the wind", low=0, high=2)
    wavelength: float = parameter(
        0.35, "Distance from crest to crest, as a share of the longer side of the frame", low=0.1, high=2
    )
    period: float = parameter(
        1.5, "Time from crest to crest, about: a loop contains whole periods", unit="seconds", low=0.3, high=60
    )
    tilt: float = parameter(
        6, "Angle at which the camera, which sways a little, looks at the mosaic", unit="degrees", low=0, high=12
    )
    light: float = parameter(0.5, "How much slopes brighten and darken with their angle to the light", low=0, high=1)

    def endings(self) -> tuple[Ending, Ending]:
        """Return the mosaic, or in a loop its waves."""
        return ("other", "other") if self.loop else ("mosaic", "mosaic")

    def prepare(self, stage: Stage) -> Motion:
        """Compute the phases of the waves at the edges of all tiles; a frame then only evaluates their sines."""
        whole = stage.whole_camera()
        tiles = stage.resting_sprites()
        swell = _Swell(self, stage, tiles)
        bounds, (width, height) = stage.bounds(), stage.view(whole)
        left, top, right, bottom = stage.edges()
        fills = width <= (right - left) * (1 + 1e-9) and height <= (bottom - top) * (1 + 1e-9)
        nearer = swell.height / whole.distance(stage.frame[1])

        def motion(progress: float) -> Scene:
            if not self.loop and progress in (0.0, 1.0):
                return stage.scene(whole, tiles)
            share = 1.0 if self.loop else math.sin(math.pi * progress) ** 2
            camera = self.drifted(whole, share)
            pitch, yaw = (math.radians(self.tilt) * share * each for each in _SWAY)
            if fills:
                most = [replace(camera, pitch=pitch, yaw=side * yaw) for side in (-1, 1)]
                camera = inside(most[0], bounds, stage.frame, most)
                camera = replace(camera, scale=camera.scale * (1 + _MARGIN * share))
            else:  # what is lifted stays in the frame
                camera = replace(camera, scale=camera.scale * (1 - share * nearer))
            turn = 2 * math.pi * progress
            camera = replace(camera, pitch=pitch * (0.8 + 0.2 * math.cos(turn)), yaw=yaw * math.sin(turn))
            return stage.scene(camera, _matt(swell.at(progress, share).lit(self.light)))

        return motion


def _matt(sprites: Sprites) -> Sprites:
    """Return sprites whose light brightens them little: the photos of bright covers would become white."""
    space = sprites.space
    assert space is not None
    gain, shine = space.light.T
    light = np.stack([np.where(gain > 1, 1 + 0.6 * (gain - 1), gain), 0.5 * shine], 1)
    return replace(sprites, space=replace(space, light=light.astype(np.float32)))


_SWAY: Final = (1.0, 0.6)  # most of pitch and yaw, relative to the tilt
_MARGIN: Final = 0.01  # by which the mosaic is larger than the frame: its edges are uneven

_STEEPNESS: Final = 0.2  # height of a wave relative to its length; its steepest slope is π times as much

_WAVES: Final = ((0.35, 1.0, 1.0, 0.60), (-0.30, 0.62, 1.5, 0.25), (1.25, 0.80, 1.0, 0.15))
"""Waves of cloth: direction in radians, length and frequency relative to the first, share of the height."""

_RIPPLES: Final = ((0.0, 1.0, 1.0, 1.0),)

_GUST: Final = 0.35  # by how much gusts weaken the waves
_GUST_LENGTH: Final = 2.5  # relative to a wave

_DELAY: Final = 0.25  # share of the duration after which the waves reach the other side
_RISE: Final = 0.22  # share over which they rise, and fall

_OVERLAP: Final = 0.4  # by how much tiles are enlarged, relative to their size in wavelengths
_MOST_OVERLAP: Final = 0.08


class _Swell:
    """The height of a mosaic whose waves all travel a whole number of their lengths."""

    def __init__(self, wave: Wave, stage: Stage, tiles: Sprites) -> None:
        self.wave = wave
        middle, part = stage.visible_part(stage.whole_camera())
        side = 2 * float(np.median(np.linalg.norm(np.concatenate([tiles.right, tiles.down]), axis=1)))
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
            along = (points - middle) @ np.stack([np.cos(directions), np.sin(directions)])
        else:
            off = points - stage.position(wave.origin)
            along = np.sqrt((off**2).sum(axis=-1, keepdims=True) + (0.25 * length) ** 2)  # round at the origin
        self.phases, self.turns = along / (lengths * length), np.maximum(np.rint(cycles * rates), 1)
        away = along[..., 0]
        self.gusts, self.gust_turns = away / (_GUST_LENGTH * length), max(round(cycles / _GUST_LENGTH), 1)
        self.delay = _DELAY * (away - away.min()) / max(float(np.ptp(away)), 1e-9)

    def at(self, progress: float, share: float) -> Sprites:
        """Return the tiles on the waves, each overlapping its neighbours by a share of what is necessary."""
        z: Float64Array = 0.5 + 0.5 * np.sin(2 * math.pi * (self.phases - self.turns * progress)) @ self.shares
        z *= 1 - _GUST * (0.5 + 0.5 * np.sin(2 * math.pi * (self.gusts - self.gust_turns * progress)))
        if not self.wave.loop:
            time = progress - self.delay
            z *= ease(time, "smooth", 0, _RISE) * ease(1 - _DELAY - time, "smooth", 0, _RISE)
        right, left, below, above = self.height * z
        middle, larger = 0.25 * (right + left + below + above), 1 + share * self.overlap
        some = replace(self.tiles, right=self.tiles.right * larger, down=self.tiles.down * larger)
        return some.lifted(np.stack([middle, 0.5 * larger * (right - left), 0.5 * larger * (below - above)], 1))
