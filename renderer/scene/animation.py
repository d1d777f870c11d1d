"""The base class of all animations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Literal, NamedTuple

from renderer.deprecation import warn_renamed
from renderer.kernels import arithmetic
from renderer.messages import named
from renderer.parameters import Validated, parameter
from renderer.scene.sprites import Camera, Motion, Sprites
from renderer.scene.stage import Stage, Target

Ending = Literal["mosaic", "photo", "cover", "picture", "sorted", "empty", "other", "any"]
"""What is visible at the start or end of an animation: the whole mosaic or the plain cover (both fitted to the frame as
the stage's `fit` says), one photo, another picture, the mosaic's photos in another order, or only the background.
"other": what no other animation shows, such as the mosaic from the side: in a timeline, nothing can adjoin it.
"any": in a timeline, what the adjacent animation shows there (`Stage.adjacent`), or else the animation's own choice."""

PAUSE_PARAMETERS: Final = ("hold_start", "hold_end")
"""Names of parameters that are pauses in seconds. They default to 0 in a timeline, where pauses are written out."""


class NextCover(NamedTuple):
    """A cover after the first, and what its map has in common with the map before."""

    name: str | int  # a picture, text:WORDS or shape:NAME; or the index of an earlier map, which is shown once more
    same: Literal["cells", "photos"]  # the same cells with other photos, or the same photos in other cells
    travel: float = 0.0  # with the same photos: how much short ways count, compared with likeness, 0…1


@dataclass(frozen=True)
class Animation(Validated, ABC):
    """Base of all animations: a frozen dataclass whose fields are declared with `parameter`.

    The first line of its docstring is the help text of its command. Override `endings`, `default_duration`,
    `last_photo`, `targets` or `next_covers` where the answer depends on parameters. Construction raises InputError for
    a value of the wrong type or out of its range.

    An animation of several covers declares a parameter `to: tuple[str, ...]` for those after the first, which its
    command also accepts as further arguments.
    """

    first: ClassVar[Ending] = "mosaic"
    """What is visible at progress 0."""

    last: ClassVar[Ending] = "mosaic"
    """What is visible at progress 1."""

    seconds: ClassVar[float] = 10.0
    """Default duration."""

    styles: ClassVar[str] = ""
    """Name of the parameter whose choices look most different, if any: when all are drawn, each has its own sheet."""

    closes: ClassVar[bool] = False
    """Whether the prepared motion shows the same at progress 0 and 1 if `loop` is set; if not, it is played there and
    back."""

    reverse: bool = parameter(False, "Play the animation in reverse")
    loop: bool = parameter(
        False, "Make the end lead into the start, so that the video repeats without a jump (most play there and back)"
    )
    drift: float = parameter(
        0.02,
        "How much the camera slowly moves in meanwhile, also during pauses, as a share of the frame; 0, or with "
        f"{named('loop')}: not at all",
        low=0,
        high=0.1,
    )

    def __init_subclass__(cls) -> None:
        """Accept a `default_duration` overridden under its old name, with a warning."""
        if "lasts" in vars(cls) and "default_duration" not in vars(cls):
            warn_renamed("Animation.lasts", "Animation.default_duration", level=3)  # past abc.ABCMeta.__new__
            cls.default_duration = cls.lasts  # type: ignore[method-assign]

    @abstractmethod
    def prepare(self, stage: Stage) -> Motion:
        """Do the work that all frames share (orders, paths, textures) and return the motion.

        Called before the first frame, once in each process that draws. The motion must be a pure function of progress
        and must not raise. `prepare` may raise InputError for parameters that don't suit the stage.
        """

    def play(self, stage: Stage) -> Motion:
        """Return the prepared motion, as `reverse` and `loop` say. Raises as `prepare` does."""
        if self.returns:
            stage = replace(stage, seconds=stage.seconds / 2, frames=stage.frames // 2 + 1)
        motion = self.prepare(stage)
        start, end = (1.0, 0.0) if self.reverse else (0.0, 1.0)
        if self.returns:
            return lambda progress: motion(end + (start - end) * abs(1 - 2 * progress))
        return (lambda progress: motion(1.0 - progress)) if self.reverse else motion

    @property
    def returns(self) -> bool:
        """Whether the motion is played there and back."""
        return self.loop and not self.closes

    def drifted(self, camera: Camera, share: float) -> Camera:
        """Return a camera after a share, 0…1, of the drift: at 0 unchanged, at 1 enlarged by the factor 1 + `drift`.

        Call it with the progress, so that pauses are not still. Where an animation must end exactly on a camera, call
        it with the progress − 1, where nothing outside the mosaic becomes visible by that. In loops, there is no drift.
        """
        return camera if self.loop else replace(camera, scale=camera.scale * arithmetic.power(1 + self.drift, share))

    def endings(self) -> tuple[Ending, Ending]:
        """Return what is visible at progress 0 and at progress 1 of the prepared motion."""
        return self.first, self.last

    def shown_endings(self) -> tuple[Ending, Ending]:
        """Return what is visible at the start and at the end, with `reverse` and `loop` taken into account."""
        first, last = self.endings()
        first, last = (last, first) if self.reverse else (first, last)
        return (first, first) if self.returns else (first, last)

    def default_duration(self) -> float:
        """Return the duration in seconds of the prepared motion that is used unless another is specified."""
        return self.seconds

    def whole_duration(self) -> float:
        """Return the default duration in seconds, twice as long if the motion is played there and back."""
        return self.default_duration() * (2 if self.returns else 1)

    def lasts(self) -> float:
        """Return `default_duration()`: the old name, kept for one version."""
        warn_renamed("Animation.lasts", "Animation.default_duration")
        # An override under the old name may call this method, so this method must not call the override.
        return self.default_duration() if type(self).lasts is Animation.lasts else self.seconds

    def last_photo(self, stage: Stage) -> int | None:  # noqa: ARG002 (for overrides)
        """Return the cell (an index into the first map) whose photo is visible at the end, or None."""
        return None

    def landings(self, stage: Stage) -> Sequence[int]:
        """Return the cells (indices into the first map) whose photos the camera lands on, in order."""
        photo = self.last_photo(stage)
        return () if photo is None else (photo,)

    def landing_cells(self, stage: Stage) -> Sequence[tuple[int, int]]:
        """Return the same as pairs of a map (index into the stage's) and its cell."""
        return [(0, cell) for cell in self.landings(stage)]

    def next_covers(self) -> tuple[NextCover, ...]:
        """Return the covers after the first; the stage has a map for each. Raises InputError if there are too few."""
        return ()

    def targets(self) -> tuple[Target, ...]:
        """Return the points and photos that the user selected.

        The matcher puts each named photo into the mosaic and, if the tiles are cut from the cover, the whole cover at
        the first point.
        """
        return ()


_BLUR: Final = 0.03
"""Half the width of blurred edges, relative to the distance from the mosaic's plane, with full depth blur."""


@dataclass(frozen=True)
class SpatialAnimation(Animation):
    """Base of animations whose tiles leave the plane of the mosaic, with light, shadows and blur."""

    light: float = parameter(
        0.8, "How much turning tiles brighten and darken with their angle to the light", low=0, high=1
    )
    shadow: float = parameter(0.7, "Opacity of the shadows that lifted tiles cast on the mosaic", low=0, high=1)
    depth_blur: float = parameter(0.0, "Blur of tiles in front of the mosaic and behind it", low=0, high=1)

    def in_space(self, stage: Stage) -> Callable[..., tuple[Sprites, ...]]:
        """Return a function `(flying, *resting)` that returns what a scene draws, in painter's order.

        That is: flying tiles behind the mosaic, what rests, shadows on it, and flying tiles in front of it.
        """
        shadows = stage.shadows(self.shadow)

        def groups(flying: Sprites, *resting: Sprites) -> tuple[Sprites, ...]:
            lit = flying.lit(self.light)
            height = flying.height()
            if self.depth_blur > 0:
                lit = lit.blurred(_BLUR * self.depth_blur * abs(height))
            behind = height < 0
            if not behind.any():  # so that nothing but the background is below what rests
                return *resting, shadows(flying), lit
            return lit.take(behind), *resting, shadows(flying), lit.take(~behind)

        return groups
