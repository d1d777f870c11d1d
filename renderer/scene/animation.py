"""The contract of an animation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from renderer.parameters import Validated, parameter
from renderer.scene.sprites import Motion
from renderer.scene.stage import Stage, Target

Ending = Literal["mosaic", "photo", "cover", "empty"]
"""What stands still at an animation's end: the whole mosaic as the fit says, one photo, the plain cover as the fit
says, or only the background."""


RESTS: Final = ("hold_start", "hold_end")
"""Parameters of animations that are seconds of rest. In a timeline, where rests are written out, they default to 0."""


@dataclass(frozen=True)
class Animation(Validated, ABC):
    """Base of all animations: a frozen dataclass whose fields are made by `parameter`, with a docstring of one line.

    `first` and `last` say what stands still at its two ends; `endings` may be overridden where that depends on
    parameters.
    """

    first: ClassVar[Ending] = "mosaic"
    last: ClassVar[Ending] = "mosaic"
    seconds: ClassVar[float] = 10.0
    """How long it lasts if nobody says."""

    reverse: bool = parameter(False, "Play it backwards")

    @abstractmethod
    def prepare(self, stage: Stage) -> Motion:
        """Do once what serves all frames (orders, paths, textures) and return the motion.

        Called before the first frame, in each process that draws. The motion must be a pure function of progress
        and may raise nothing; `prepare` may raise InputError for parameters that don't suit the stage.
        """

    def play(self, stage: Stage) -> Motion:
        """The motion as it is shown: prepared, and turned round if it is to be played backwards."""
        motion = self.prepare(stage)
        return (lambda progress: motion(1.0 - progress)) if self.reverse else motion

    def endings(self) -> tuple[Ending, Ending]:
        """What stands still at progress 0 and at progress 1 of the prepared motion."""
        return self.first, self.last

    def shown_endings(self) -> tuple[Ending, Ending]:
        """What stands still at the beginning and at the end of what is shown."""
        first, last = self.endings()
        return (last, first) if self.reverse else (first, last)

    def default_duration(self) -> float:
        """Seconds it lasts if nobody says."""
        return self.seconds

    def last_photo(self, stage: Stage) -> int | None:  # noqa: ARG002 (for those who override it)
        """The cell of the photo that stands still at the end of what is shown, if one does."""
        return None

    def targets(self) -> tuple[Target, ...]:
        """What of the mosaic the animation is about, if the user chose something.

        The matcher places a photo that is named, and, where the tiles are cut from the cover, the whole cover at the
        first point.
        """
        return ()
