import itertools
import struct
import sys
import threading
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from videos import boxes, decode, frame_flags, stream_line

from renderer.compositor import Compositor
from renderer.encoder import (
    RATE_POINTS,
    Encoder,
    Encoding,
    FrameWriter,
    RatePoint,
    choose,
    open_writer,
    probe,
    run_ffmpeg,
)
from renderer.errors import EncoderError, RenderError
from renderer.output_files import new_file
from renderer.pictures import Pixels
from renderer.settings import FileSettings, Quality
from renderer.textures import Textures, pack

SHARP = RatePoint("veryfast", 2, 0, 0)
COLOURS = [
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 224, 189),
    (198, 134, 66),
    (141, 85, 36),
    (0, 0, 0),
    (255, 255, 255),
    (128, 128, 128),
]


def encoding(point: RatePoint = SHARP, path: Path = Path("it.mp4")) -> Encoding:
    return Encoding(choose(path, FileSettings()), point=point, metadata={"title": "a test"})


def encode(path: Path, frames: list[Pixels], fps: Fraction = Fraction(30), point: RatePoint = SHARP) -> None:
    height, width = frames[0].shape[:2]
    textures = Textures(0, 1)
    compositor = Compositor(width, height, textures, threads=1)
    with Encoder(path, width, height, fps, encoding(point, path)) as encoder:
        for frame in frames:
            buffer = encoder.next_buffer()
            compositor.to_yuv420(pack(frame), encoder.planes(buffer))
            encoder.submit(buffer)
    compositor.close()
    textures.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit for the size of files")
@pytest.mark.parametrize("name", ["it.mp4", "it.y4m"])
def test_a_file_above_the_limit_of_the_user_is_reported(tmp_path: Path, name: str) -> None:
    import resource

    path, noise = tmp_path / name, np.random.default_rng(0).integers(0, 255, (8, 96 * 64 * 3 // 2), np.uint8)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        with pytest.raises(RenderError) as caught, new_file(path, overwrite=False) as temporary:
            encoding = Encoding(choose(path, FileSettings()), "max")
            with open_writer(temporary, 96, 64, Fraction(30), encoding) as writer:
                for frame in noise:
                    buffer = writer.next_buffer()
                    buffer.reshape(-1)[:] = frame
                    writer.submit(buffer)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(caught.value).startswith(f"{path}: the disk, or your limit (ulimit -f), allows no file of this size: ")
    assert not list(tmp_path.iterdir())


def test_decoded_colours_are_within_three_levels(tmp_path: Path) -> None:
    frame = np.repeat(np.array(COLOURS, np.uint8), 16, 0)[np.newaxis].repeat(48, 0)
    encode(tmp_path / "colours.mp4", [frame] * 5)
    for decoded in decode(tmp_path / "colours.mp4", 144, 48):
        for number, colour in enumerate(COLOURS):
            found = decoded[24, number * 16 + 8].astype(int)
            assert np.abs(found - colour).max() <= 3, (colour, found)


@pytest.mark.parametrize(
    ("fps", "rate"),
    [(Fraction(30000, 1001), "29.97 fps"), (Fraction(25), "25 fps"), (Fraction(60000, 1001), "59.94 fps")],
)
def test_the_file_meets_the_requirements_of_players_and_platforms(tmp_path: Path, fps: Fraction, rate: str) -> None:
    path = tmp_path / "it.mp4"
    frames = list(np.random.default_rng(0).integers(0, 256, (130, 36, 64, 3), np.uint8))
    encode(path, frames, fps, RATE_POINTS["h264"]["standard"])
    line = stream_line(path)
    for word in ("h264 (High)", "yuv420p(tv, bt709, progressive)", "64x36", rate):
        assert word in line
    names = list(boxes(path.read_bytes()))
    assert names.index("moov") < names.index("mdat")
    assert "edts" not in names
    found = probe(path)
    assert (found.frames, found.width, found.height, found.fps) == (130, 64, 36, fps)
    assert (found.gop, found.b_frames, found.fast_start, found.edit_list) == (min(round(fps * 2), 130), 2, True, False)
    kinds = frame_flags(path)
    gop = round(fps * 2)
    assert [i for i, kind in enumerate(kinds) if kind == "I"] == list(range(0, 130, gop))
    # Closed GOPs: frames before an I frame do not refer to it, so each I frame follows a P frame.
    assert all(kinds[i - 1] == "P" for i in range(gop, 130, gop))
    assert "BBB" not in kinds


@pytest.mark.parametrize("quality", RATE_POINTS["h264"])
def test_every_quality_uses_the_high_profile(tmp_path: Path, quality: Quality) -> None:
    encode(
        tmp_path / "it.mp4",
        list(np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), np.uint8)),
        point=RATE_POINTS["h264"][quality],
    )
    found = probe(tmp_path / "it.mp4")
    assert (found.codec, found.profile) == ("h264", "High")


def test_an_aborted_encoder_leaves_no_process_and_no_thread(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Encoder(tmp_path / "it.mp4", 64, 64, Fraction(30), encoding()) as encoder:
        encoder.submit(encoder.next_buffer())
        process = encoder._process
        raise ZeroDivisionError
    assert process.returncode is not None
    assert not psutil.pid_exists(process.pid)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("encoder")]


class Recorder(FrameWriter):
    """Records the first byte of each frame, and how many frames were queued; fails at a frame, or blocks until then."""

    def __init__(self, fails_at: int = -1, *, blocks: bool = False) -> None:
        super().__init__(1200, 1000, "rgba")
        self.written: list[int] = []
        self.queued: list[int] = []
        self.fails_at = fails_at
        self.unblocked = threading.Event()
        if not blocks:
            self.unblocked.set()

    def _consume(self, buffer: Pixels) -> None:
        self.unblocked.wait()
        if len(self.written) == self.fails_at:
            raise OSError(5, "it failed")
        self.queued.append(len(self._queued))
        self.written.append(int(buffer[0]))

    def _abandon(self) -> None:
        self.unblocked.set()


@given(numbers=st.lists(st.integers(1, 6), max_size=30))
def test_a_repeated_frame_is_written_again(numbers: list[int]) -> None:
    with Recorder() as recorder:
        for number, times in enumerate(numbers):
            buffer = recorder.next_buffer()
            buffer[:1] = number
            recorder.submit(buffer)
            for _ in range(times - 1):
                recorder.repeat()
    assert recorder.written == [number for number, times in enumerate(numbers) for _ in range(times)]


def test_a_long_hold_does_not_run_ahead_of_writing() -> None:
    with Recorder() as recorder:
        recorder.submit(recorder.next_buffer())
        for _ in range(1000):
            recorder.repeat()
    assert len(recorder.written) == 1001
    assert max(recorder.queued) <= 6  # as many as buffers of 4.8 MB in 32 MB


def test_repeating_needs_a_frame() -> None:
    with pytest.raises(ValueError, match="no frame to repeat"), Recorder() as recorder:
        recorder.repeat()


@pytest.mark.parametrize("fails_at", [0, 1, 7])
def test_a_failure_ends_a_hold(fails_at: int) -> None:
    with pytest.raises(EncoderError, match="it failed"), Recorder(fails_at) as recorder:
        recorder.submit(recorder.next_buffer())
        for _ in itertools.count():
            recorder.repeat()
    assert len(recorder.written) == fails_at


def test_aborting_ends_a_writer_that_is_full() -> None:
    with pytest.raises(ZeroDivisionError), Recorder(blocks=True) as recorder:
        recorder.submit(recorder.next_buffer())
        for _ in range(5):
            recorder.repeat()
        threading.Timer(0.1, recorder.abort).start()
        with pytest.raises(EncoderError):
            for _ in itertools.count():  # waits, as the queue is full
                recorder.repeat()
        raise ZeroDivisionError
    assert len(recorder.written) <= 1


@pytest.mark.parametrize("name", ["it.mp4", "it.gif", "it.y4m", "it-%02d.png"])
def test_a_writer_may_be_aborted_before_its_block_ends(tmp_path: Path, name: str) -> None:
    target = choose(tmp_path / name, FileSettings())
    with (
        pytest.raises(ZeroDivisionError),
        open_writer(tmp_path / name, 64, 64, Fraction(25), Encoding(target), threads=3) as writer,
    ):
        writer.submit(writer.next_buffer())
        writer.abort()
        raise ZeroDivisionError
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("encoder")]


@pytest.mark.parametrize("name", ["it.mp4", "it.gif", "it.webp", "it.y4m", "it-%02d.png", "it-%02d.jpg"])
def test_every_format_repeats_frames(tmp_path: Path, name: str) -> None:
    colours = [(200, 30, 30), (20, 180, 40), (30, 40, 220)]
    numbers = [0, 0, 0, 1, 2, 2, 1, 1]

    def write(folder: Path, *, repeated: bool) -> Sequence[bytes]:
        folder.mkdir()
        path = folder / name
        target = choose(path, FileSettings())
        with open_writer(path, 64, 64, Fraction(25), Encoding(target), threads=3) as writer:
            for before, number in zip([-1, *numbers], numbers, strict=False):
                if repeated and before == number:
                    writer.repeat()
                    continue
                buffer = writer.next_buffer()
                if writer.layout == "rgba":
                    writer.pixels(buffer)[:] = (*colours[number], 255)
                    writer.pixels(buffer)[number::7, :, :3] = 90
                else:
                    for plane, value in zip(writer.planes(buffer), colours[number], strict=True):
                        plane[:], plane[number::5] = value, 90
                writer.submit(buffer)
        return [file.read_bytes() for file in sorted(folder.iterdir())]

    written = write(tmp_path / "submitted", repeated=False)
    assert write(tmp_path / "repeated", repeated=True) == written
    assert len(written) == (len(numbers) if "%" in name else 1)


def test_the_number_of_threads_does_not_change_a_video(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (90, 80), np.uint8).repeat(16, 0).repeat(16, 1)
    decoded = []
    for threads in (3, 16):
        path = tmp_path / f"{threads}.mp4"
        encoding = Encoding(choose(path, FileSettings()), "standard")
        assert encoding.needs().least <= threads <= encoding.needs().most
        with Encoder(path, 640, 1080, Fraction(30), encoding, threads=threads) as encoder:
            for number in range(24):
                buffer = encoder.next_buffer()
                luma, *chroma = encoder.planes(buffer)
                # Faster than what the threads would allow if there were as many as there can be.
                luma[:] = picture[number * 15 : number * 15 + 1080, number * 6 : number * 6 + 640]
                for plane in chroma:
                    plane[:] = 128
                encoder.submit(buffer)
        decoded.append(run_ffmpeg("-i", str(path), "-f", "framemd5", "-").stdout)
    assert decoded[0] == decoded[1]
    assert decoded[0].count(b"\n") > 24


def test_errors_of_ffmpeg_are_reported(tmp_path: Path) -> None:
    with (
        pytest.raises(EncoderError, match="no-such-preset"),
        Encoder(tmp_path / "it.mp4", 64, 64, Fraction(30), encoding(RatePoint("no-such-preset", 20, 0, 0))) as encoder,
    ):
        for _ in range(100):
            encoder.submit(encoder.next_buffer())


def test_a_killed_ffmpeg_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EncoderError), Encoder(tmp_path / "it.mp4", 640, 640, Fraction(30), encoding()) as encoder:
        for number in range(1000):
            if number == 3:
                encoder._process.kill()
            encoder.submit(encoder.next_buffer())


def test_an_ffmpeg_that_cannot_be_run_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path))
    with (
        pytest.raises(EncoderError, match="can't be run"),
        Encoder(tmp_path / "i.mp4", 64, 64, Fraction(30), encoding()),
    ):
        pass


@pytest.mark.parametrize(
    "trailing",
    [
        b"".join(struct.pack(">I4s", 8 * (3000 - level), b"moov") for level in range(3000)),
        struct.pack(">I4s", 1000, b"moov"),
        struct.pack(">I4s", 1000, b"moov") + struct.pack(">I4s", 12, b"free"),
        struct.pack(">I4s", 1, b"mdat"),
    ],
    ids=["nested", "past the end", "inside a box past the end", "without its size"],
)
def test_damaged_boxes_after_a_video_are_ignored(tmp_path: Path, trailing: bytes) -> None:
    path = tmp_path / "it.mp4"
    run_ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64:d=0.2", "-pix_fmt", "yuv420p", str(path))
    whole = probe(path)
    path.write_bytes(path.read_bytes() + trailing)
    assert (probe(path).width, probe(path).frames) == (64, whole.frames)
    assert probe(path).fast_start == whole.fast_start


def test_files_that_are_not_videos_are_not_probed(tmp_path: Path) -> None:
    other = {
        "it.gif": b"nothing",
        "it.mp4": b"nothing",
        "none.mp4": b"",
        "none.webp": b"",
        "list.m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nother.ts\n",
    }
    for name, content in other.items():
        (tmp_path / name).write_bytes(content)
    encode(tmp_path / "whole.mp4", [np.zeros((64, 64, 3), np.uint8)] * 9)
    (tmp_path / "half.mp4").write_bytes((tmp_path / "whole.mp4").read_bytes()[:1500])
    run_ffmpeg("-f", "lavfi", "-i", "sine=duration=1", str(tmp_path / "sound.mp4"))
    for name, problem in {
        "it.gif": "is not a picture",
        "it.mp4": "is not a complete video",
        "none.mp4": "is empty",
        "none.webp": "is empty",
        "list.m3u8": "is not a video but a text file, a picture or a playlist",
        "half.mp4": "is not a complete video: it is truncated, damaged, or not a video",
        "sound.mp4": "has no video stream",
    }.items():
        with pytest.raises(EncoderError, match=f"^{name} {problem}"):
            probe(tmp_path / name)


def test_boxes_may_be_deeply_nested(tmp_path: Path) -> None:
    encode(tmp_path / "it.mp4", [np.zeros((64, 64, 3), np.uint8)] * 9)
    nested = b""
    for _ in range(3000):
        nested = struct.pack(">I4s", len(nested) + 8, b"trak") + nested
    with (tmp_path / "it.mp4").open("ab") as file:
        file.write(struct.pack(">I4s", len(nested) + 8, b"moov") + nested)
    assert probe(tmp_path / "it.mp4").frames == 9


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_the_size_of_a_video_is_its_display_size(tmp_path: Path, angle: int) -> None:
    encode(tmp_path / "it.mp4", [np.zeros((64, 128, 3), np.uint8)] * 9)
    rotated, wide = str(tmp_path / "rotated.mp4"), str(tmp_path / "wide.mp4")
    run_ffmpeg("-display_rotation", str(angle), "-i", str(tmp_path / "it.mp4"), "-c", "copy", rotated)
    run_ffmpeg("-display_rotation", str(angle), "-i", str(tmp_path / "it.mp4"), "-c", "copy", "-aspect", "3", wide)
    for path, size in ((rotated, (128, 64)), (wide, (192, 64))):
        found = probe(Path(path))
        assert (found.width, found.height) == (size if angle in (0, 180) else size[::-1])
        assert found.frames == 9
