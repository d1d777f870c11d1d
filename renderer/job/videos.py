"""An animation as a video file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from renderer.encoder import (
    Encoding,
    FrameWriter,
    OutputFormat,
    Probe,
    choose,
    find_hardware,
    gif_rate,
    is_sequence,
    is_stream,
    numbered,
    open_writer,
    probe,
    works,
)
from renderer.errors import InputError, RenderError
from renderer.frame_times import parse_frames
from renderer.job.drawing import LOOK_AHEAD, FrameSource, count_frames, open_frames, over_colour
from renderer.job.fitting import encode_to_fit
from renderer.job.inputs import OpenMosaic, open_mosaic
from renderer.job.outputs import check_beside, check_not_input, check_video, new_video
from renderer.job.results import Summary
from renderer.job.settings import MatchSettings
from renderer.memory import MemoryMeter
from renderer.output_files import check_writable, shortened, temporary_folder
from renderer.overlay import OverlaySettings, check_overlay
from renderer.parameters import Validated, given
from renderer.progress import Advance, Progress, Silent, Timed
from renderer.rules import PlatformRules, check_rules
from renderer.scene import Animation
from renderer.settings import FileSettings, OutputSettings
from renderer.sound import SoundSettings, check_sound, prepare_sound
from renderer.stills import write_picture

SMALL_SIDE: Final = 640
"""Pixels of the longer side of a GIF, an animated WebP or an APNG, where no size is given: they are large files."""

_LONGEST_STEM: Final = 240  # bytes of a video's name in that of its poster; file systems take 255


@dataclass(frozen=True)
class VideoJob(Validated):
    """One video as data: everything that decides about it."""

    cover: Path | None  # None: the sample
    animation: Animation
    path: Path
    match: MatchSettings = field(default_factory=MatchSettings)
    output: OutputSettings = field(default_factory=OutputSettings)
    file: FileSettings = field(default_factory=FileSettings)
    overlay: OverlaySettings = field(default_factory=OverlaySettings)
    sound: SoundSettings = field(default_factory=SoundSettings)
    frames: str | None = None  # "A-B": only these
    overwrite: bool = False
    command: str = ""  # is written into the file
    preset: str = ""
    rules: PlatformRules | None = None  # what the file is checked against

    @classmethod
    def of(cls, cover: Path | None, animation: type[Animation], path: Path, values: Mapping[str, Any]) -> VideoJob:
        """A job of parameters by name, each given to the settings that declare it. Raises InputError."""
        return cls(
            cover, animation(**given(animation, values)), path, match=MatchSettings(**given(MatchSettings, values)),
            output=OutputSettings(**given(OutputSettings, values)), file=FileSettings(**given(FileSettings, values)),
            overlay=OverlaySettings(**given(OverlaySettings, values)),
            sound=SoundSettings(**given(SoundSettings, values)),
        )  # fmt: skip

    @property
    def target(self) -> OutputFormat:
        """Format and codec. Raises InputError for what does not go together."""
        return choose(self.path, self.file, transparent=self.output.transparent)

    def settled(self) -> VideoJob:
        """The job with what its format asks of size and rate. Raises InputError."""
        target = self.target
        output = replace(self.output, long_side=self.output.long_side or (SMALL_SIDE if target.format.loops else None))
        if target.format.name == "gif":
            output = replace(output, fps=gif_rate(output.fps))
        return replace(self, output=output)

    def files(self) -> list[Path]:
        """What would be written, as far as it has a name of its own."""
        video = [] if is_stream(self.path) or is_sequence(self.path) else [self.path]
        return [*video, self.poster_path] if self.file.poster else video

    @property
    def poster_path(self) -> Path:
        """The picture beside the video."""
        folder = self.path.parent.parent if is_sequence(self.path) else self.path.parent
        stem = self.path.parent.name if is_sequence(self.path) else self.path.stem
        return folder / f"{shortened(stem, _LONGEST_STEM)}-poster.jpg"

    def wanted(self) -> Sequence[int]:
        """The numbers of the frames that are written."""
        count = count_frames(self.animation, self.output)
        return parse_frames(self.frames, count) if self.frames else range(count)

    def seconds(self) -> float:
        """How long the whole animation lasts."""
        return float(count_frames(self.animation, self.output) / self.output.fps)


def render_video(job: VideoJob, progress: Progress | None = None) -> Summary:
    """Render an animation of a mosaic to a video file, which appears only when it is whole and has been probed.

    Raises RenderError.
    """
    return render_videos([job], progress)[0]


def render_videos(jobs: Sequence[VideoJob], progress: Progress | None = None) -> list[Summary]:
    """Render several videos; those of one cover and one matching are made of one mosaic. Raises RenderError.

    All are checked before the work. What is whole when one fails stays.
    """
    summaries: dict[int, Summary] = {}
    for numbers in check_jobs(jobs):
        first = jobs[numbers[0]]
        timed = Timed(progress or Silent())
        with MemoryMeter() as meter, open_mosaic(first.cover, first.match, timed, first.animation.targets()) as mosaic:
            for number in numbers:
                summary = write_video(mosaic, jobs[number], timed)
                summaries[number] = replace(summary, seconds=timed.finished(), peak_memory_bytes=meter.peak_bytes)
                timed = Timed(progress or Silent())
    return [summaries[number] for number in range(len(jobs))]


def mosaic_key(job: VideoJob) -> object:
    """Equal for jobs that are made of one mosaic."""
    return job.cover, job.match, job.animation.targets()


def check_jobs(jobs: Sequence[VideoJob]) -> list[list[int]]:
    """The numbers of the jobs, those of one mosaic together. Raises InputError for what can't be done, before the work.

    A render and a plan both begin with this.
    """
    by_mosaic: dict[object, list[int]] = {}
    for number, job in enumerate(jobs):
        check_job(job)
        if job.path in (other.path for other in jobs[:number]):
            raise InputError(f"-o {job.path} is one name for several files: give a name with {{preset}} in it")
        by_mosaic.setdefault(mosaic_key(job), []).append(number)
    for file in {file for job in jobs for file in (job.match.save_map, job.match.credits) if file is not None}:
        if len(by_mosaic) > 1:
            raise InputError(f"{file} is of one mosaic, and these presets make {len(by_mosaic)}: give them one by one")
    return list(by_mosaic.values())


def check_job(job: VideoJob) -> None:
    """Raise InputError for a job that can't be done: before the work."""
    check_video(job.path, job.settled().wanted(), overwrite=job.overwrite)
    check_sound(job.sound, job.path, job.target)
    check_overlay(job.overlay, job.settled().seconds())
    check_beside(job.match, overwrite=job.overwrite)
    if job.file.max_size is not None and (is_stream(job.path) or job.target.format.sequence):
        raise InputError(f"--max-size is for one file: {job.path} is none")
    if job.file.poster:
        if is_stream(job.path):
            raise InputError(f"--poster is a file beside the video: -o {job.path} has no place for it")
        check_writable(job.poster_path, overwrite=job.overwrite)


def write_video(mosaic: OpenMosaic, job: VideoJob, progress: Progress) -> Summary:
    """Write one video of a mosaic, its poster and what they are; the summary's seconds are the caller's."""
    with (
        ready_video(mosaic, job, progress) as ready,
        new_video(job.path, overwrite=job.overwrite) as temporary,
    ):
        job, sound = ready.job, ready.sound
        encoding = replace(
            Encoding.of(job.target, job.file, {"comment": job.command, "title": job.path.stem}),
            hardware=find_hardware(job.file.encoder, job.target.codec, progress.notice, works),
        )
        beside = sound.stat().st_size if sound else 0

        def encode(path: Path, encoding: Encoding, output: OutputSettings) -> int:
            size, wanted = _size(mosaic, job, output), replace(job, output=output).wanted()
            with (
                open_frames(mosaic, job.animation, size, output, job.overlay, progress) as frame_source,
                progress.stage("rendering", len(wanted), "frames") as advance,
                open_writer(path, *size, frame_source.fps, encoding, first=wanted[0], sound=sound) as writer,
            ):
                _feed(writer, frame_source, wanted, advance)
            return path.stat().st_size - beside if path.is_file() else 0

        if ready.most is None:
            encode(temporary, encoding, job.output)
        else:
            fitted = encode_to_fit(encode, encoding, job.output, temporary, ready.seconds, ready.most, progress.notice)
            job = replace(job, output=fitted)
        size, wanted = _size(mosaic, job, job.output), job.wanted()
        found = check_written(temporary, size, job.output.fps, wanted)
    if is_sequence(job.path) and not job.frames and (older := numbered(job.path, wanted[-1] + 1)).exists():
        progress.notice(f"{older} and what follows it were there before, and are not of this video")
    if job.file.poster:
        with open_frames(mosaic, job.animation, size, job.output, job.overlay, progress) as frame_source:
            picture = frame_source.picture(poster_frame(job.animation, frame_source.stage.frames))
        write_picture(job.poster_path, over_colour(picture, job.output.background), overwrite=job.overwrite)
    return Summary(
        job.path, size, mosaic, {}, job.output.fps, len(wanted),
        recipe={**mosaic.placement.recipe, "command": job.command},
        bytes=_bytes_of(job.path, wanted), poster=job.poster_path if job.file.poster else None, preset=job.preset,
        checks=check_rules(found, job.rules) if found and job.rules else (), probe=found,
    )  # fmt: skip


@dataclass(frozen=True)
class ReadyVideo:
    """A video of which only the frames are lacking."""

    job: VideoJob  # with all that its format and its mosaic decide about it, its size included
    size: tuple[int, int]  # width and height in pixels
    seconds: float  # of the frames that are wanted
    sound: Path | None  # a file that lasts as long as the context
    most: int | None  # bytes that the picture may have, beside the sound


@contextmanager
def ready_video(mosaic: OpenMosaic, job: VideoJob, progress: Progress) -> Iterator[ReadyVideo]:
    """What comes between a mosaic and its first frame: a render and a plan both do it. Raises InputError."""
    asked, job = job.output.fps, job.settled()
    if job.output.fps != asked:
        progress.notice(f"GIF counts in hundredths of a second: {float(job.output.fps):.3g} frames in each second")
    for path in job.files():
        check_not_input(mosaic, path)
    size = _size(mosaic, job, job.output)
    job = replace(job, output=replace(job.output, size=size))
    seconds = float(len(job.wanted()) / job.output.fps)
    with _sound(job, seconds, progress) as sound:
        most = job.file.max_size
        left = None if most is None else _left(most, sound.stat().st_size if sound else 0)
        yield ReadyVideo(job, size, seconds, sound, left)


def _size(mosaic: OpenMosaic, job: VideoJob, output: OutputSettings) -> tuple[int, int]:
    """Width and height of a job's frames in pixels. Raises InputError."""
    return output.frame_size(mosaic.placement.cover_size, even=job.target.format.even)


@contextmanager
def _sound(job: VideoJob, seconds: float, progress: Progress) -> Iterator[Path | None]:
    """The sound of a job's video, in a file that lasts as long as it is needed; None without music."""
    if job.sound.music is None:
        yield None
        return
    with temporary_folder() as folder:
        with progress.stage("sound", 1, "tracks") as advance:
            sound = prepare_sound(job.sound, seconds, folder, job.target)
            advance(1)
        yield sound


def _left(most: int, sound: int) -> int:
    """The bytes that are left of the most that a file may have, beside its sound. Raises InputError if none are."""
    if most <= sound:
        raise InputError(
            f"--max-size: the sound alone takes {sound / 1e6:.2f} MB: leave --music out, or give a shorter --duration"
        )
    return most - sound


def poster_frame(animation: Animation, frames: int) -> int:
    """The frame that shows most: the whole mosaic where it stands, at the beginning or the end."""
    first, last = animation.shown_endings()
    if first == "mosaic":
        return 0
    return frames - 1 if last == "mosaic" else frames // 2


def _bytes_of(path: Path, wanted: Sequence[int]) -> int:
    if is_stream(path):
        return 0
    return sum(numbered(path, number).stat().st_size for number in wanted) if is_sequence(path) else path.stat().st_size


def _feed(writer: FrameWriter, frame_source: FrameSource, wanted: Sequence[int], advance: Advance) -> None:
    """Draw frames and hand them over; the encoder works on one while the next is drawn."""
    frame = frame_source.compositor.new_frame()
    for place, number in enumerate(wanted):
        if place + LOOK_AHEAD < len(wanted):
            frame_source.prefetch(wanted[place + LOOK_AHEAD])
        frame_source.draw(number, frame)
        buffer = writer.next_buffer()
        if writer.layout == "yuv420p":
            frame_source.compositor.to_yuv420(frame, writer.planes(buffer))
        else:
            frame_source.compositor.to_rgba(frame, writer.pixels(buffer))
        writer.submit(buffer)
        advance(1)


def check_written(path: Path, size: tuple[int, int], fps: Fraction, wanted: Sequence[int]) -> Probe | None:
    """What was written; None on standard output. Raises RenderError if it is not what was drawn."""
    if is_stream(path):
        return None
    found = probe(numbered(path, wanted[-1]) if is_sequence(path) else path)
    frames = 1 if is_sequence(path) else len(wanted)
    # A format that shows pictures for a time may hold equal ones once, for longer.
    whole = found.frames == frames or abs(found.seconds - float(frames / fps)) < float(0.5 / fps)
    if (found.width, found.height) != size or not whole:
        raise RenderError(
            f"ffmpeg wrote {found.frames} frames of {found.width}x{found.height} instead of {frames} of "
            f"{size[0]}x{size[1]}: please report this, with the output of `render doctor`"
        )
    return found
