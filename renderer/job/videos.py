"""Rendering an animation to a video file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from renderer.budget import render_budget
from renderer.cached_files import sweep
from renderer.encoder import (
    Encoding,
    find_hardware,
    is_sequence,
    is_stream,
    numbered,
    open_writer,
    works,
)
from renderer.errors import InputError
from renderer.job.drawing import check_frames, open_frames
from renderer.job.fitting import encode_to_fit
from renderer.job.inputs import open_mosaic
from renderer.job.mosaics import OpenMosaic
from renderer.job.outputs import check_beside, check_not_input, check_video, new_video
from renderer.job.results import Landing, MadeSegment, Summary
from renderer.job.segments import LONG, SegmentPool, in_use, join_segments, make_segments, segmented
from renderer.job.writing import check_written, feed
from renderer.memory import MemoryMeter
from renderer.messages import named
from renderer.output_files import check_writable, temporary_folder
from renderer.overlay import check_overlay
from renderer.paths import CACHE_SIZE
from renderer.pixels import Pixels, over_colour
from renderer.progress import Progress, Silent, Timed
from renderer.rules import check_rules
from renderer.settings import OutputSettings
from renderer.sound import check_sound, prepare_sound
from renderer.stills import write_picture
from renderer.video_job import VideoJob, mosaic_key, poster_frame


def render_video(job: VideoJob, progress: Progress | None = None) -> Summary:
    """Render an animation of a mosaic to a video file, which appears only when it is complete and has been probed.

    Raises RenderError.
    """
    return render_videos([job], progress)[0]


def render_videos(
    jobs: Sequence[VideoJob],
    progress: Progress | None = None,
    *,
    workers: int | None = None,
    cache_size: int = CACHE_SIZE,
    pool: SegmentPool | None = None,
) -> list[Summary]:
    """Render several videos; those with the same cover and matching share one mosaic. Raises RenderError.

    All videos are checked first. If one fails, the finished ones remain. `workers`, `pool`: see `make_segments`.
    `cache_size`: bytes of finished segments that are kept.
    """
    summaries: dict[int, Summary] = {}
    for numbers in check_jobs(jobs):
        first = jobs[numbers[0]]
        timed = Timed(progress or Silent())
        with (
            MemoryMeter() as meter,
            open_mosaic(first.drawn_cover, first.match, timed, first.animation) as mosaic,
        ):
            for number in numbers:
                summary = write_video(mosaic, jobs[number], timed, workers=workers, cache_size=cache_size, pool=pool)
                summaries[number] = replace(summary, seconds=timed.finished(), peak_memory_bytes=meter.peak_bytes)
                timed = Timed(progress or Silent())
    return [summaries[number] for number in range(len(jobs))]


def check_jobs(jobs: Sequence[VideoJob]) -> list[list[int]]:
    """Check jobs and return their indices, grouped by mosaic. Raises InputError for a job that can't be done.

    Both renders and plans start with this.
    """
    by_mosaic: dict[object, list[int]] = {}
    for number, job in enumerate(jobs):
        check_job(job)
        if job.path in (other.path for other in jobs[:number]):
            raise InputError(
                f"{named('output', job.path)} is one name for several files: use a name with {{preset}} in it"
            )
        by_mosaic.setdefault(mosaic_key(job), []).append(number)
    for file in {file for job in jobs for file in (job.match.save_map, job.match.credits) if file is not None}:
        if len(by_mosaic) > 1:
            raise InputError(
                f"{file} is for one mosaic, but these presets make {len(by_mosaic)}: render one preset at a time"
            )
    return list(by_mosaic.values())


def check_job(job: VideoJob) -> None:
    """Raise InputError for a job that can't be done."""
    check_video(job.path, job.resolved().selected_frames(), overwrite=job.overwrite)
    check_sound(job.sound, job.path, job.target)
    check_overlay(job.overlay, job.resolved().seconds())
    check_beside(job.match, overwrite=job.overwrite)
    if job.file.max_size is not None and (is_stream(job.path) or job.target.format.sequence):
        kind = "a stream" if is_stream(job.path) else "a sequence of files"
        raise InputError(f"{named('max_size')} requires a single output file, and {job.path} is {kind}")
    if job.file.poster:
        if is_stream(job.path):
            raise InputError(
                f"{named('poster', True)} writes a file next to the video, but {named('output', job.path)} is a stream"
            )
        check_writable(job.poster_path, overwrite=job.overwrite)


def write_video(
    mosaic: OpenMosaic,
    job: VideoJob,
    progress: Progress,
    *,
    workers: int | None = None,
    cache_size: int = CACHE_SIZE,
    pool: SegmentPool | None = None,
    show: Callable[[Pixels], None] | None = None,
) -> Summary:
    """Write one video of a mosaic and its poster; the caller adds the seconds and the memory to the summary.

    `workers`, `cache_size`, `pool`: see `render_videos`. `show`: called with the most representative frame, as
    `FrameSource.picture` returns it, if the video is encoded in one piece.
    """
    with (
        ready_video(mosaic, job, progress) as ready,
        new_video(job.path, overwrite=job.overwrite) as temporary,
        ExitStack() as kept,
    ):
        job, sound = ready.job, ready.sound
        encoding = replace(
            Encoding.of(job.target, job.file, {"comment": job.command, "title": job.path.stem}),
            hardware=find_hardware(job.file.encoder, job.target.codec, progress.notice, works),
        )
        _notice_one_piece(job, encoding, progress)
        sound_bytes = sound.stat().st_size if sound else 0
        landings: list[Landing] = []
        segments: list[MadeSegment] = []
        learned: list[int] = []  # bytes of the segments that the quality alone needs
        first_pass: Path | None = None

        def encode(path: Path, encoding: Encoding, output: OutputSettings) -> int:
            nonlocal first_pass
            one = replace(job, output=replace(output, size=_size(mosaic, job, output)))
            earlier = first_pass if encoding.pass_number else None
            video = segmented(mosaic, one, encoding, learned, earlier, even_short=pool is not None)
            if video is not None:
                kept.enter_context(in_use(video.folder))
                segments[:] = make_segments(mosaic, video, progress, workers, pool)
                join_segments(video, path, encoding, sound)
                if encoding.bit_rate is None:
                    learned[:], first_pass = [each.stat().st_size for each in video.paths()], video.folder
                cells = check_frames(mosaic, one.animation, video.size, one.output, one.overlay)
                landings[:] = [Landing.at(mosaic.map(which), cell) for which, cell in cells]
                return path.stat().st_size - sound_bytes
            size, selected = _size(mosaic, job, output), replace(job, output=output).selected_frames()
            budget = render_budget(size, encoding.needs(), output.memory)
            with (
                open_frames(mosaic, job.animation, size, output, job.overlay, progress, budget) as frame_source,
                progress.stage("rendering", len(selected), "frames") as advance,
                open_writer(
                    path, *size, frame_source.fps, encoding, first=selected[0], sound=sound,
                    threads=budget.encoder_threads,
                ) as writer,
            ):  # fmt: skip
                feed(writer, frame_source, selected, advance)
                landings[:] = [Landing.at(mosaic.map(which), cell) for which, cell in frame_source.landings]
                if show is not None:
                    show(frame_source.picture(poster_frame(job.animation, frame_source.stage.frames)))
            return path.stat().st_size - sound_bytes if path.is_file() else 0

        if ready.max_bytes is None:
            encode(temporary, encoding, job.output)
        else:
            fitted = encode_to_fit(
                encode, encoding, job.output, temporary, ready.seconds, ready.max_bytes, progress.notice
            )
            job = replace(job, output=fitted)
        size, selected = _size(mosaic, job, job.output), job.selected_frames()
        found = check_written(temporary, size, job.output.fps, selected)
    if learned:
        sweep(cache_size)
    if is_sequence(job.path) and not job.frames and (older := numbered(job.path, selected[-1] + 1)).exists():
        progress.notice(f"{older} and later frames are from an earlier render: they are not part of this video")
    if job.file.poster:
        with open_frames(mosaic, job.animation, size, job.output, job.overlay, progress) as frame_source:
            picture = frame_source.picture(poster_frame(job.animation, frame_source.stage.frames))
        ground = job.output.background_colour(masked=mosaic.is_masked)
        write_picture(job.poster_path, over_colour(picture, ground), overwrite=job.overwrite)
    return Summary(
        job.path, size, mosaic, {}, job.output.fps, len(selected),
        recipe={**mosaic.placement.recipe, "command": job.command},
        bytes=_bytes_of(job.path, selected), poster=job.poster_path if job.file.poster else None, preset=job.preset,
        checks=check_rules(found, job.rules) if found and job.rules else (), probe=found, landings=landings,
        segments=segments,
    )  # fmt: skip


def _notice_one_piece(job: VideoJob, encoding: Encoding, progress: Progress) -> None:
    """Say that a video is not made in segments although it is long, unless that is wanted."""
    if encoding.for_segments() is None and job.file.segment_seconds and not is_stream(job.path):
        kind = "sequence of pictures" if is_sequence(job.path) else f"{job.target.format.name.upper()} file"
        what = "video by a hardware encoder" if encoding.hardware else kind
        if len(job.selected_frames()) > LONG * job.output.fps:
            progress.notice(f"A long {what} is made in one piece: if it is interrupted, it starts again")


@dataclass(frozen=True)
class ReadyVideo:
    """A video that is ready for its first frame."""

    job: VideoJob  # with the values that its format and its mosaic determine, such as the size
    size: tuple[int, int]  # width and height in pixels
    seconds: float  # of the selected frames
    sound: Path | None  # a file that is deleted when the context exits
    max_bytes: int | None  # of the file without its sound


@contextmanager
def ready_video(mosaic: OpenMosaic, job: VideoJob, progress: Progress) -> Iterator[ReadyVideo]:
    """Prepare a video up to its first frame, for renders and plans. Raises InputError."""
    requested, job = job.output.fps, job.resolved()
    if job.output.fps != requested:
        progress.notice(
            "The frame delays of a GIF are multiples of 0.01 seconds: the frame rate becomes "
            f"{float(job.output.fps):.3g} frames per second"
        )
    for path in job.files():
        check_not_input(mosaic, path)
    size = _size(mosaic, job, job.output)
    job = replace(job, output=replace(job.output, size=size))
    seconds = float(len(job.selected_frames()) / job.output.fps)
    with _sound(job, seconds, progress) as sound:
        max_size = job.file.max_size
        max_bytes = None if max_size is None else _without_sound(max_size, sound.stat().st_size if sound else 0)
        yield ReadyVideo(job, size, seconds, sound, max_bytes)


def _size(mosaic: OpenMosaic, job: VideoJob, output: OutputSettings) -> tuple[int, int]:
    """Return width and height of a job's frames in pixels. Raises InputError."""
    return output.frame_size(mosaic.placement.cover_size, even=job.target.format.even)


@contextmanager
def _sound(job: VideoJob, seconds: float, progress: Progress) -> Iterator[Path | None]:
    """Yield the file of a video's sound, which is deleted when the context exits; None without music."""
    if job.sound.music is None:
        yield None
        return
    with temporary_folder() as folder:
        with progress.stage("sound", 1, "tracks") as advance:
            sound = prepare_sound(job.sound, seconds, folder, job.target)
            advance(1)
        yield sound


def _without_sound(max_size: int, sound: int) -> int:
    """Return the bytes that a file of a maximum size has left for its picture. Raises InputError if there are none."""
    if max_size <= sound:
        raise InputError(
            f"{named('max_size')} is too small, as the sound alone takes {sound / 1e6:.2f} MB: remove "
            f"{named('music')} or choose a shorter {named('duration')}"
        )
    return max_size - sound


def _bytes_of(path: Path, frames: Sequence[int]) -> int:
    if is_stream(path):
        return 0
    return sum(numbered(path, number).stat().st_size for number in frames) if is_sequence(path) else path.stat().st_size
