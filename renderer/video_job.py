"""One video as data: what a campaign needs to know about its videos without matching or drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from renderer.cover_names import CoverName, on_canvas
from renderer.deprecation import old_method
from renderer.formats import OutputFormat, choose, gif_rate, is_sequence, is_stream
from renderer.frame_times import frame_count, parse_frames
from renderer.output_files import shortened
from renderer.parameters import Validated, given
from renderer.rules import PlatformRules
from renderer.scene import Animation, Target
from renderer.settings import FileSettings, MatchSettings, OutputSettings, OverlaySettings, SoundSettings

SMALL_SIDE: Final = 640
"""Default longer side in pixels of a GIF, an animated WebP or an APNG, which are large files."""

_LONGEST_STEM: Final = 240  # bytes of a video's name in the name of its poster; file systems allow 255


@dataclass(frozen=True)
class VideoJob(Validated):
    """One video as data: everything that determines it."""

    cover: CoverName | None  # None: the sample
    animation: Animation
    path: Path
    match: MatchSettings = field(default_factory=MatchSettings)
    output: OutputSettings = field(default_factory=OutputSettings)
    file: FileSettings = field(default_factory=FileSettings)
    overlay: OverlaySettings = field(default_factory=OverlaySettings)
    sound: SoundSettings = field(default_factory=SoundSettings)
    frames: str | None = None  # "A-B": only these, counted from 0
    overwrite: bool = False
    command: str = ""  # stored in the file's metadata
    preset: str = ""
    rules: PlatformRules | None = None  # for the check of the file

    @classmethod
    def of(cls, cover: CoverName | None, animation: type[Animation], path: Path, values: Mapping[str, Any]) -> VideoJob:
        """Make a job from parameters by name, whichever settings declare them. Raises InputError."""
        return cls(
            cover, animation(**given(animation, values)), path, match=MatchSettings(**given(MatchSettings, values)),
            output=OutputSettings(**given(OutputSettings, values)), file=FileSettings(**given(FileSettings, values)),
            overlay=OverlaySettings(**given(OverlaySettings, values)),
            sound=SoundSettings(**given(SoundSettings, values)),
        )  # fmt: skip

    @property
    def drawn_cover(self) -> CoverName | None:
        """The cover; one that is made has the size of the frame, if that is specified."""
        return on_canvas(self.cover, self.output.size)

    @property
    def target(self) -> OutputFormat:
        """Format and codec. Raises InputError for an unsupported combination."""
        return choose(self.path, self.file, transparent=self.output.transparent)

    def resolved(self) -> VideoJob:
        """Return the job with its format's default size and a supported frame rate. Raises InputError."""
        target = self.target
        output = replace(self.output, long_side=self.output.long_side or (SMALL_SIDE if target.format.loops else None))
        if target.format.name == "gif":
            output = replace(output, fps=gif_rate(output.fps))
        return replace(self, output=output)

    settled = old_method("VideoJob.settled", resolved)

    def files(self) -> list[Path]:
        """Return the files that would be written, except streams and the frames of a sequence."""
        video = [] if is_stream(self.path) or is_sequence(self.path) else [self.path]
        return [*video, self.poster_path] if self.file.poster else video

    @property
    def poster_path(self) -> Path:
        """The path of the poster, next to the video."""
        folder = self.path.parent.parent if is_sequence(self.path) else self.path.parent
        stem = self.path.parent.name if is_sequence(self.path) else self.path.stem
        return folder / f"{shortened(stem, _LONGEST_STEM)}-poster.jpg"

    def selected_frames(self) -> Sequence[int]:
        """Return the numbers of the frames to write, in their order.

        If players loop the file and the animation starts empty, its last frame comes first: it is the only one that is
        visible where the file is not played, and the loop is the same. One that is played there and back starts in the
        middle.
        """
        count = count_frames(self.animation, self.output)
        if self.frames:
            return parse_frames(self.frames, count)
        first, last = self.animation.shown_endings()
        if self.target.format.loops and first == "empty" and self.animation.returns:
            return [*range(count // 2, count), *range(count // 2)]
        if self.target.format.loops and first == "empty" != last:
            return [count - 1, *range(count - 1)]
        return range(count)

    wanted = old_method("VideoJob.wanted", selected_frames)

    def seconds(self) -> float:
        """Return the duration of the whole animation in seconds."""
        return float(count_frames(self.animation, self.output) / self.output.fps)


def mosaic_key(job: VideoJob) -> object:
    """Return a key that is equal for jobs that share one mosaic."""
    return job.drawn_cover, job.match, placed_targets(job.match, job.animation), job.animation.next_covers()


def placed_targets(match: MatchSettings, animation: Animation) -> tuple[Target, ...]:
    """Return the targets of an animation that decide about its mosaic: photos, and points only where it has no tiles.

    Photos are placed in any case, and without tiles the cover itself is placed at the point.
    """
    return tuple(target for target in animation.targets() if isinstance(target, str) or not match.tiles)


def without_changes(job: VideoJob) -> VideoJob:
    """Return a job with the mosaic as it is matched, which jobs with other changes to its photos have too."""
    return replace(job, match=replace(job.match, ban=(), swap=()))


def count_frames(animation: Animation, output: OutputSettings) -> int:
    """Return the number of frames of a whole video. Raises InputError if there are too many."""
    return frame_count(output.duration or animation.whole_duration(), output.fps)


def poster_frame(animation: Animation, frames: int) -> int:
    """Return the most representative frame: the start or end if it shows the whole mosaic, else the middle."""
    first, last = animation.shown_endings()
    if first == "mosaic":
        return 0
    return frames - 1 if last == "mosaic" else frames // 2
