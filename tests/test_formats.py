"""Every format is rendered, probed, decoded, and played in a browser."""

import base64
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from videos import decode

from renderer.encoder import Encoder, Encoding, choose, find_hardware, numbered, open_writer, probe, video_arguments
from renderer.messages import named
from renderer.pictures import Pixels
from renderer.settings import Codec, FileSettings, Hardware

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

Run = Callable[..., tuple[int, str, str]]

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 224, 189), (141, 85, 36), (0, 0, 0), (255, 255, 255)]
BAND = 16  # pixels of each colour
SMALL = ("--columns", "12", "--duration", "0.5", "--size", "96x64")


def write(path: Path, frames: list[Pixels], fps: Fraction = Fraction(25), codec: Codec | None = None) -> None:
    """Write (H, W, 4) frames as the renderer does, with transparency if any frame has it."""
    height, width = frames[0].shape[:2]
    transparent = any((frame[..., 3] < 255).any() for frame in frames)
    target = choose(path, FileSettings(codec=codec), transparent=transparent)
    with open_writer(path, width, height, fps, Encoding(target, "max")) as writer:
        for frame in frames:
            buffer = writer.next_buffer()
            if writer.layout == "rgba":
                writer.pixels(buffer)[:] = frame
            else:
                luma, blue, red = writer.planes(buffer)
                r, g, b = (frame[..., channel].astype(float) for channel in range(3))
                y = 0.2126 * r + 0.7152 * g + 0.0722 * b
                luma[:] = np.rint(16 + y * 219 / 255)
                blue[:] = np.rint(128 + (b - y) / 1.8556 * 224 / 255)[::2, ::2]
                red[:] = np.rint(128 + (r - y) / 1.5748 * 224 / 255)[::2, ::2]
            writer.submit(buffer)


def bands(alpha: int = 255) -> Pixels:
    """Bands of known colours; `alpha` is the opacity of the first one."""
    frame = np.full((48, BAND * len(COLOURS), 4), 255, np.uint8)
    frame[..., :3] = np.repeat(np.array(COLOURS, np.uint8), BAND, 0)
    frame[:, :BAND, 3] = alpha
    return frame


@pytest.mark.parametrize(
    ("name", "codec", "tag"),
    [
        ("it.mp4", "h264", "avc1"),
        ("it.mp4", "hevc", "hvc1"),
        ("it.mp4", "av1", "av01"),
        ("it.mov", "h264", "avc1"),
        ("it.mov", "hevc", "hvc1"),
        ("it.mov", "prores", "ap4h"),
        ("it.webm", "vp9", ""),
        ("it.webm", "av1", ""),
    ],
)
def test_videos_keep_their_frames_rate_and_colours(tmp_path: Path, name: str, codec: Codec, tag: str) -> None:
    path = tmp_path / name
    fps = Fraction(30000, 1001)
    write(path, [bands()] * 7, fps, codec)
    found = probe(path)
    assert (found.codec, found.frames, found.fps, found.tag) == (codec, 7, fps, tag)
    assert found.format == name[3:]
    if name != "it.webm":
        assert (found.fast_start, found.edit_list) == (True, False)
    for frame in decode(path, BAND * len(COLOURS), 48):
        for number, colour in enumerate(COLOURS):
            decoded = frame[24, number * BAND + BAND // 2].astype(int)
            assert np.abs(decoded - colour).max() <= 3, (colour, decoded)


@pytest.mark.parametrize("name", ["it.webp", "it.apng", "it.gif"])
def test_animated_pictures_loop_and_keep_their_timing(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    frames = [np.roll(bands(), 8 * number, axis=1) for number in range(5)]
    write(path, frames)
    found = probe(path)
    assert (found.frames, found.fps, found.loops) == (5, Fraction(25), True)
    with Image.open(path) as picture:
        for number, frame in enumerate(frames):
            picture.seek(number)
            decoded = np.asarray(picture.convert("RGB")).astype(int)
            error = np.abs(decoded - frame[..., :3])[:, BAND // 2 :: BAND]
            assert np.median(error) <= 3


@pytest.mark.parametrize("name", ["it.webm", "it.mov", "it.webp", "it.apng", "%02d.png"])
def test_transparency_is_preserved(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write(path, [bands(0), bands(128), bands(255)])
    if path.suffix in (".webm", ".mov"):
        decoder = ["-c:v", "libvpx-vp9"] if path.suffix == ".webm" else []
        raw = subprocess.run(
            [*ffmpeg(), *decoder, "-i", path, "-f", "rawvideo", "-pix_fmt", "rgba", "-"],
            capture_output=True,
            check=True,
        ).stdout
        decoded = list(np.frombuffer(raw, np.uint8).reshape(3, 48, -1, 4))
    elif path.suffix == ".png":
        decoded = [np.asarray(Image.open(numbered(path, number)).convert("RGBA")) for number in range(3)]
    else:
        decoded = []
        with Image.open(path) as picture:
            for number in range(3):
                picture.seek(number)
                decoded.append(np.asarray(picture.convert("RGBA")))
    for frame, alpha in zip(decoded, (0, 128, 255), strict=True):
        assert abs(int(frame[24, BAND // 2, 3]) - alpha) <= 3
        assert frame[24, BAND + BAND // 2, 3] >= 252


def ffmpeg() -> list[str]:
    from renderer.encoder import ffmpeg_path

    return [ffmpeg_path(), "-hide_banner", "-nostdin", "-loglevel", "error"]


def test_raw_frames_can_be_piped_to_another_program(cover: Path, tmp_path: Path) -> None:
    """As in a shell: render … -o - | ffmpeg -i - it.mp4."""
    command = [sys.executable, "-m", "renderer", "zoom", cover, *SMALL, "--fps", "24000/1001", "-o", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.startswith(b"YUV4MPEG2 W96 H64 F24000:1001 Ip A1:1 C420mpeg2 XCOLORRANGE=LIMITED\nFRAME\n")
    subprocess.run([*ffmpeg(), "-i", "-", tmp_path / "it.mp4"], input=done.stdout, check=True)
    found = probe(tmp_path / "it.mp4")
    assert (found.frames, found.fps) == (12, Fraction(24000, 1001))
    # A file has the same bytes as standard output.
    path = tmp_path / "it.y4m"
    subprocess.run([*command[:-1], path, "-q"], check=True)
    assert path.read_bytes() == done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not have named pipes")
def test_a_named_pipe_is_written_to_and_not_replaced(cover: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    command = [sys.executable, "-m", "renderer", "zoom", cover, *SMALL, "--fps", "8", "-o"]
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as reader:
        done = subprocess.run([*command, tmp_path / "pipe"], capture_output=True, text=True, check=False)
        frames = reader.communicate(timeout=60)[0] if not done.returncode else reader.kill()
    assert done.returncode == 0, done.stderr
    assert "4 frames" in done.stdout
    assert frames.count(b"FRAME\n") == 4
    assert (tmp_path / "pipe").is_fifo()
    # Standard output under its other name: only frames are written to it.
    streamed = subprocess.run([*command, "/dev/stdout"], capture_output=True, check=False)
    assert (streamed.returncode, streamed.stdout) == (0, frames), streamed.stderr


DEVICES = [
    ("zoom", "-o", "DEVICE"),
    ("zoom", "-o", "link.mp4"),
    ("zoom", "-o", "link.gif"),
    ("zoom", "-o", "link.y4m"),
    ("zoom", "-o", "frames/%d.png"),
    ("zoom", "-o", "link.mp4", "--dry-run"),
    ("zoom", "-o", "it.mp4", "--poster"),
    ("still", "zoom", "--at", "0", "-o", "link.png"),
    ("sheet", "zoom", "-o", "link.png"),
    ("mosaic", "-o", "link.png"),
    ("mosaic", "-o", "it.png", "--save-map", "link.mosaic"),
    ("mosaic", "-o", "it.png", "--credits", "link.txt"),
    ("mosaic", "-o", "it.png", "--report", "link.html"),
    ("explain", "grid", "-o", "link.png"),
]


@pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="there is no /dev/null")
@pytest.mark.parametrize("words", DEVICES, ids=" ".join)
def test_a_device_is_never_replaced(render: Run, cover: Path, words: tuple[str, ...]) -> None:
    device = Path("device")
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except (OSError, AttributeError):  # only root can create devices
        device.symlink_to("/dev/null")
    Path("frames").mkdir()
    for name in ("frames/0.png", "it-poster.jpg", *(word for word in words if word.startswith("link"))):
        Path(name).symlink_to(device.absolute())
    command = [word.replace("DEVICE", "device") for word in words]
    options = [] if words[0] in ("mosaic", "explain") else ["--size", "96x64", "--duration", "0.5"]
    code, _, err = render(
        *command, cover, "--columns", "8", *options, "-y", *(["--format", "mp4"] * ("DEVICE" in words))
    )
    assert (code, "is a device, which can't be replaced by a file: choose a file name" in err) == (2, True), err
    assert device.is_char_device()
    assert not {path.name for path in Path().iterdir()} & {"it.mp4", "it.png"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not have named pipes")
def test_a_named_pipe_accepts_only_raw_video(render: Run, cover: Path) -> None:
    os.mkfifo("it.mp4")
    os.mkfifo("it.png")
    code, _, err = render("zoom", cover, *SMALL, "-o", "it.mp4", "-y")
    assert (code, "-o it.mp4 is a stream of raw video and can't be mp4: write to a file instead" in err) == (2, True)
    code, _, err = render("mosaic", cover, "--columns", "8", "-o", "it.png", "-y")
    assert (code, "it.png is a pipe, which accepts only raw video" in err) == (2, True)
    assert all(path.is_fifo() for path in Path().iterdir())


def test_a_sequence_is_written_completely_or_not_at_all(render: Run, cover: Path) -> None:
    words = ("zoom", cover, *SMALL, "--fps", "8", "-o", "frames/%03d.png")
    assert render(*words)[0] == 0
    made = sorted(Path("frames").iterdir())
    assert [path.name for path in made] == ["000.png", "001.png", "002.png", "003.png"]
    with Image.open(made[0]) as picture:
        assert (picture.size, picture.mode) == ((96, 64), "RGB")
    code, _, err = render(*words)
    assert (code, "frames/000.png exists" in err) == (2, True)
    assert sorted(Path("frames").iterdir()) == made
    assert render(*words, "--frames", "2-3", "-y")[0] == 0
    assert sorted(Path("frames").iterdir()) == made


def test_disperse_ends_with_transparent_frames(render: Run, cover: Path) -> None:
    words = ("disperse", cover, *SMALL, "--fps", "8", "--transparent", "--motion-blur", "0.5")
    assert render(*words, "-o", "%d.png")[0] == 0
    alpha = [np.asarray(Image.open(f"{number}.png"))[..., 3] for number in range(4)]
    assert (alpha[0] == 255).all()
    assert 0 < alpha[2].mean() < 250
    assert (alpha[3] == 0).all()


def test_a_poster_is_written_next_to_the_video(render: Run, cover: Path) -> None:
    code, out, _ = render("zoom", cover, *SMALL, "--fps", "8", "--direction", "out", "--poster", "-o", "it.mp4")
    assert (code, "it-poster.jpg: poster frame" in out) == (0, True)
    with Image.open("it-poster.jpg") as poster, Image.open(cover) as picture:
        poster_pixels = np.asarray(poster.resize((12, 8))).astype(int)
        cover_pixels = np.asarray(picture.resize((12, 8))).astype(int)
    assert np.abs(poster_pixels - cover_pixels).mean() < 20  # the complete mosaic, as at the end of the video
    assert render("zoom", cover, *SMALL, "--poster", "-o", "it.webm")[0] == 2  # the poster exists already


@pytest.mark.parametrize(
    "words", [("it.mp4",), ("it.mp4", "--codec", "hevc"), ("it.webm",), ("it.webp",)], ids=" ".join
)
def test_a_file_fits_the_maximum_size(
    render: Run, cover: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(
        "Anna's" if sys.platform == "win32" else 'Anna\'s \\ "new": 100%d'
    )  # special characters in the arguments of x265
    folder.mkdir()
    monkeypatch.chdir(folder)
    command = ("zoom", cover, "--columns", "12", "--duration", "2", "--fps", "12", "--size", "192x128", "-o", *words)
    assert render(*command)[0] == 0
    path = Path(words[0])
    limit = round(path.stat().st_size * 0.4)
    code, _, err = render(*command, "--max-size", str(limit), "-y")
    assert (code, "% of what this quality needs" in err or "the GIF is" in err) == (0, True)
    assert 0.8 * limit <= path.stat().st_size <= limit  # within 3 % of files that are not as tiny as this one
    assert probe(path).seconds == pytest.approx(2, abs=0.01)
    assert [one.name for one in Path().iterdir()] == [path.name]
    before = path.read_bytes()
    code, _, err = render(*command, "--max-size", "1200", "-y")
    assert (code, "is too small: the smallest file was 0.0" in err) == (2, True)
    assert path.read_bytes() == before


def test_hardware_falls_back_to_software() -> None:
    notices: list[str] = []
    assert find_hardware("software", "h264", notices.append, lambda *_: True) is None
    assert not notices
    assert find_hardware("nvenc", "h264", notices.append, lambda *_: False) is None
    assert notices[-1].startswith(f"{named('encoder', 'nvenc')} could not encode h264 on this machine")
    assert find_hardware("auto", "h264", notices.append, lambda kind, _: kind == "vaapi") == "vaapi"
    assert "h264_vaapi" in notices[-1]
    assert find_hardware("auto", "vp9", notices.append, lambda *_: True) is None


@pytest.mark.parametrize("kind", ["nvenc", "qsv", "videotoolbox", "vaapi", "amf"])
def test_hardware_encodes_closed_gops(kind: Hardware) -> None:
    encoding = Encoding(choose(Path("it.mp4"), FileSettings()), hardware=kind)
    arguments = video_arguments(64, 64, Fraction(30), encoding, 2)
    assert arguments[arguments.index("-c:v") + 1] == f"h264_{kind}"
    assert arguments[arguments.index("-g") + 1] == "60"
    assert "+cgop" in arguments


@pytest.mark.parametrize("name", ["it.mp4", "it.webm", "it.webp", "it.gif"])
def test_a_browser_plays_the_file(browser: "Chrome", tmp_path: Path, name: str) -> None:
    frames = [np.full((64, 96, 4), 255, np.uint8) for _ in range(13)]
    for frame in frames:
        frame[..., :3] = (40, 200, 60)
    write(tmp_path / name, frames, Fraction(25))
    moving = name.endswith(("mp4", "webm"))
    kind = f"{'video' if moving else 'image'}/{name[3:]}"
    # A data URI, because a canvas that shows another local file can't be read.
    source = f"data:{kind};base64,{base64.b64encode((tmp_path / name).read_bytes()).decode()}"
    tag = f'<video id="it" src="{source}" muted></video>' if moving else f'<img id="it" src="{source}">'
    (tmp_path / "page.html").write_text(tag, "utf-8")
    browser.get((tmp_path / "page.html").as_uri())
    result = browser.execute_async_script(
        """
        const [done] = arguments, it = document.getElementById('it'), canvas = document.createElement('canvas');
        const report = (width, height, seconds) => {
          canvas.width = 96; canvas.height = 64;
          const context = canvas.getContext('2d');
          context.drawImage(it, 0, 0);
          let colour;
          try { colour = Array.from(context.getImageData(48, 32, 1, 1).data); } catch (error) { colour = [error.name]; }
          done({width, height, seconds, colour});
        };
        if (it.tagName == 'IMG') it.decode().then(() => report(it.naturalWidth, it.naturalHeight, 0), e => done({error: e.message}));
        else {
          it.onended = () => report(it.videoWidth, it.videoHeight, it.duration);
          it.onerror = () => done({error: it.error.message});
          it.play().catch(e => done({error: e.message}));
        }
        """
    )
    assert result.get("error") is None
    assert (result["width"], result["height"]) == (96, 64)
    if moving:
        assert result["seconds"] == pytest.approx(13 / 25, abs=0.02)
    # Chromium's own conversion is off by up to 5; the wrong matrix would be off by 26.
    assert np.abs(np.array(result["colour"][:3]) - (40, 200, 60)).max() <= 6


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 32 KB; skips the test where the system does not allow one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if mount is None or subprocess.run([mount, "-t", "tmpfs", "-o", "size=32k", "tmpfs", disk], check=False).returncode:
        pytest.skip("no disk can be mounted")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.parametrize("name", ["it.mp4", "it.webm", "it.gif", "it.webp", "it.y4m", "%03d.png"])
def test_a_full_disk_is_reported_and_no_file_is_left(render: Run, cover: Path, small_disk: Path, name: str) -> None:
    words = ("zoom", cover, "--columns", "12", "--duration", "1", "--size", "192x128", "--quality", "max")
    code, _, err = render(*words, "-o", small_disk / name)
    where = small_disk if "%" in name else small_disk / name
    assert (code, err.splitlines()[-1]) == (
        1,
        f"render: {where}: the disk is full: free some space, or write to another disk",
    )
    assert list(small_disk.iterdir()) == []


def test_a_killed_ffmpeg_is_reported_and_no_file_is_left(
    render: Run, cover: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = Encoder._begin

    def begin_and_kill(self: Encoder) -> None:
        begin(self)
        self._process.kill()

    monkeypatch.setattr(Encoder, "_begin", begin_and_kill)
    code, _, err = render("zoom", cover, *SMALL, "-o", "it.mp4")
    assert (code, "ffmpeg failed" in err) == (1, True)
    assert list(Path().iterdir()) == []
