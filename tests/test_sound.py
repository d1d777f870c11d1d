"""The decoded sound of a video: its length, loudness, fades and synchronization with the picture."""

import re
import struct
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from videos import boxes

from renderer.encoder import Encoding, OutputFormat, choose, ffmpeg_path, open_writer, probe, run_ffmpeg
from renderer.errors import InputError
from renderer.settings import FileSettings
from renderer.sound import RATE, SoundSettings, check_sound, prepare_sound

Samples = npt.NDArray[np.float32]

FILES = (".mp4", ".mov", ".webm")


def write_track(path: Path, samples: npt.NDArray[np.float64], rate: int = RATE) -> Path:
    """Write a WAV of one channel (N,) or several (N, C)."""
    channels = samples.reshape(len(samples), -1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(channels, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def write_floats(path: Path, samples: npt.NDArray[np.float64]) -> Path:
    """Write a WAV of one channel of 32-bit floats."""
    data = samples.astype("<f4").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, RATE, RATE * 4, 4, 32)
    path.write_bytes(
        struct.pack("<4sI4s", b"RIFF", 28 + len(data) + 8, b"WAVE")
        + form
        + struct.pack("<4sI", b"data", len(data))
        + data
    )
    return path


def tone(seconds: float, level: float = 0.05, rate: int = RATE) -> npt.NDArray[np.float64]:
    return level * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)


def clicks(seconds: int) -> npt.NDArray[np.float64]:
    """A click of 2 ms at the start of each second."""
    track = np.zeros((seconds, RATE))
    track[:, :96] = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(96) / RATE)
    return track.reshape(-1)


def target(name: str) -> OutputFormat:
    return choose(Path(name), FileSettings())


def video_with(settings: SoundSettings, seconds: int, folder: Path, suffix: str = ".mp4", fps: int = 30) -> Path:
    """Write a grey video with the sound, as the renderer does."""
    path = folder / f"it{suffix}"
    sound = prepare_sound(settings, seconds, folder, target(path.name))
    encoding = Encoding(target(path.name), quality="draft")
    with open_writer(path, 64, 48, Fraction(fps), encoding, sound=sound) as writer:
        for _ in range(seconds * fps):
            buffer = writer.next_buffer()
            buffer[:] = 128
            writer.submit(buffer)
    return path


def decode_sound(path: Path) -> Samples:
    """Return the samples (N, 2) of a file's sound."""
    done = run_ffmpeg("-v", "error", "-i", str(path), "-map", "0:a:0", "-f", "f32le", "-ar", str(RATE), "-ac", "2", "-")
    assert done.returncode == 0, done.stderr.decode()
    return np.frombuffer(done.stdout, "<f4").reshape(-1, 2)


def loudness(path: Path) -> tuple[float, float]:
    """Return integrated loudness (LUFS) and true peak (dBTP), measured by ffmpeg."""
    done = run_ffmpeg("-nostats", "-i", str(path), "-map", "0:a:0", "-af", "ebur128=peak=true", "-f", "null", "-")
    summary = done.stderr.decode().rpartition("Summary")[2]
    found = [re.search(rf"{name}:\s+(-?[\d.]+)", summary) for name in ("I", "Peak")]
    return float(found[0][1]), float(found[1][1])  # type: ignore[index]


@pytest.mark.parametrize("suffix", FILES)
def test_sound_stays_in_sync(tmp_path: Path, suffix: str) -> None:
    """A click per second, in a track of 7 s looped to 20 s: each one within a millisecond."""
    track = write_track(tmp_path / "clicks.wav", clicks(7))
    path = video_with(SoundSettings(track, music_fade=0, loudness=-28), 20, tmp_path, suffix)
    sound = np.abs(decode_sound(path)).max(axis=1)
    loud = np.flatnonzero(sound > sound.max() / 3)
    starts = loud[np.diff(loud, prepend=-RATE) > RATE // 10]
    starts = starts[starts > RATE // 10]  # the first packet is priming, so its click is lost
    assert np.rint(starts / RATE).tolist() == list(range(1, 20))
    assert np.abs(starts - np.rint(starts / RATE) * RATE).max() < RATE / 1000


def test_sound_and_picture_of_a_minute_end_together(tmp_path: Path) -> None:
    track = write_track(tmp_path / "tone.wav", tone(13.7))
    path = video_with(SoundSettings(track), 60, tmp_path)
    assert probe(path).frames == 1800
    assert abs(len(decode_sound(path)) / RATE - 60) <= 512 / RATE + 1e-9  # half a packet; a frame has 1600 samples
    assert loudness(path)[0] == pytest.approx(-14, abs=0.3)


@pytest.mark.parametrize("name", ["it.mp4", "it.webm"])
@pytest.mark.parametrize("frames", [7, 100, 301])
def test_sound_has_the_length_of_the_frames(tmp_path: Path, name: str, frames: int) -> None:
    seconds = float(frames / Fraction(30000, 1001))
    track = write_track(tmp_path / "tone.wav", tone(4))
    length = len(decode_sound(prepare_sound(SoundSettings(track), seconds, tmp_path, target(name)))) / RATE
    assert abs(length - seconds) <= (512.5 if name == "it.mp4" else 1) / RATE


def test_the_file_starts_with_its_headers_and_has_no_edit_list(tmp_path: Path) -> None:
    path = video_with(SoundSettings(write_track(tmp_path / "tone.wav", tone(3))), 2, tmp_path)
    found = list(boxes(path.read_bytes()))
    assert found.index("moov") < found.index("mdat")
    assert found.count("trak") == 2
    assert "edts" not in found
    log = run_ffmpeg("-i", str(path)).stderr.decode()
    assert re.search(r"#0:0.*Video: h264", log)
    assert re.search(r"#0:1.*Audio: aac \(LC\).*48000 Hz, stereo", log)


@pytest.mark.parametrize(
    ("requested", "level", "rate", "channels"), [(-14, 0.02, 48000, 1), (-14, 0.7, 44100, 2), (-23, 0.3, 22050, 6)]
)
def test_the_requested_loudness_is_reached(
    tmp_path: Path, requested: float, level: float, rate: int, channels: int
) -> None:
    """For tracks of any loudness, sample rate and number of channels."""
    samples = np.repeat(tone(5, level, rate)[:, np.newaxis], channels, axis=1)
    sound = prepare_sound(
        SoundSettings(write_track(tmp_path / "it.wav", samples, rate), loudness=requested),
        5,
        tmp_path,
        target("it.mp4"),
    )
    measured, peak = loudness(sound)
    assert measured == pytest.approx(requested, abs=0.3)
    assert peak < -1


def test_peaks_stay_below_the_maximum_when_a_constant_gain_would_exceed_it(tmp_path: Path) -> None:
    """Plucked strings at −22 LUFS with peaks of −3 dBTP, which a gain of 8 dB would raise far above full scale."""
    random, length = np.random.default_rng(1), RATE
    track = np.zeros(12 * RATE)
    time = np.arange(length) / RATE
    for start in random.integers(0, len(track) - length, 100):
        pitch = 220 * 2 ** (random.integers(0, 25) / 12)
        note = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in (1, 2, 3))
        track[start : start + length] += random.uniform(0.05, 0.6) * np.exp(-6 * time) * note
    source = write_track(tmp_path / "strings.wav", track * 0.7 / np.abs(track).max())
    assert loudness(source)[0] < -19
    measured, peak = loudness(prepare_sound(SoundSettings(source), 12, tmp_path, target("it.mp4")))
    assert measured == pytest.approx(-14, abs=1)
    assert peak < -0.5  # −1 dBTP and what the codec adds


def test_music_starts_at_its_position_and_fades_in_and_out(tmp_path: Path) -> None:
    low, high = tone(3), 0.05 * np.sin(2 * np.pi * 1760 * np.arange(9 * RATE) / RATE)
    track = write_track(tmp_path / "two.wav", np.concatenate([low, high]))
    sound = decode_sound(
        prepare_sound(SoundSettings(track, music_start=3, music_fade=2), 6, tmp_path, target("it.mp4"))
    )[:, 0]
    level = np.sqrt((sound[: len(sound) // 480 * 480].reshape(-1, 480) ** 2).mean(axis=1))
    full = np.median(level[250:350])
    assert level[250:350] == pytest.approx(full, rel=0.02)
    assert level[100] == pytest.approx(full / 2, rel=0.06)
    assert level[500] == pytest.approx(full / 2, rel=0.06)
    assert max(level[:10].max(), level[-3:].max()) < full * 0.03
    spectrum = np.abs(np.fft.rfft(sound[RATE * 2 : RATE * 4]))
    assert np.argmax(spectrum) / 2 == pytest.approx(1760, abs=1)
    assert spectrum[880] < spectrum.max() / 1000  # none of the 440 Hz before the start


@pytest.mark.parametrize("level", [1.5, 40.0, 1e5])
def test_float_samples_above_full_scale_are_attenuated(tmp_path: Path, level: float) -> None:
    random = np.random.default_rng(3)
    bursts = np.repeat(random.uniform(0.01, 1, 60), RATE // 10) ** 2 * random.normal(0, 1, 6 * RATE)
    track = write_floats(tmp_path / "loud.wav", level * bursts)
    measured, peak = loudness(prepare_sound(SoundSettings(track, music_fade=0), 6, tmp_path, target("it.mp4")))
    assert measured == pytest.approx(-14, abs=1.5)
    assert peak < 0


@pytest.mark.parametrize(
    ("name", "settings", "problem"),
    [
        ("missing.mp3", {}, "missing.mp3: there is no such file"),
        ("text.mp3", {}, "text.mp3 can't be decoded by ffmpeg: use another file"),
        ("list.m3u8", {}, "list.m3u8 can't be decoded by ffmpeg: use another file"),
        ("list.mp3", {}, "list.mp3 is not a sound file but a text file, a picture or a playlist"),
        ("listed.m3u8", {}, "listed.m3u8 is not a sound file but a text file, a picture or a playlist"),
        ("nan.wav", {}, "nan.wav"),  # some versions of ffmpeg measure such samples as silence
        ("mute.mp4", {}, "mute.mp4 has no audio stream"),
        ("tone.wav", {"music_start": 30.0}, "music_start=30 is after the end of tone.wav (3.0 s): start earlier"),
        ("tone.wav", {"music_start": 2.5}, "has only 0.50 s of sound after music_start=, but at least 1 s are needed"),
        ("short.wav", {}, "has only 0.30 s of sound, but at least 1 s are needed: use a longer track"),
        ("silence.wav", {}, "silence.wav is silent in the part that is used"),
    ],
)
def test_unusable_tracks_are_rejected(tmp_path: Path, name: str, settings: dict[str, float], problem: str) -> None:
    write_track(tmp_path / "tone.wav", tone(3))
    write_track(tmp_path / "short.wav", tone(0.3))
    write_track(tmp_path / "silence.wav", np.zeros(RATE * 3))
    (tmp_path / "text.mp3").write_text("no music" * 300)
    (tmp_path / "list.m3u8").write_text(
        "#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/it.mp3\n"
    )  # ffmpeg must not access the network
    (tmp_path / "list.mp3").write_text("ffconcat version 1.0\nfile tone.wav\n")
    (tmp_path / "listed.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\ntone.wav\n#EXT-X-ENDLIST\n")
    write_floats(tmp_path / "nan.wav", np.where(np.arange(RATE * 3) % 7, tone(3), np.nan))
    run_ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=2", str(tmp_path / "mute.mp4"))
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(InputError, match=re.escape(problem)):
        sound = SoundSettings(tmp_path / name, **settings)
        check_sound(sound, Path("it.mp4"), target("it.mp4"))
        prepare_sound(sound, 2, folder, target("it.mp4"))


@pytest.mark.parametrize("name", ["it.gif", "it.webp", "it.apng", "frames/%05d.png", "-"])
def test_formats_without_sound_reject_music(tmp_path: Path, name: str) -> None:
    track = write_track(tmp_path / "tone.wav", tone(1))
    with pytest.raises(InputError, match=r"has no sound: omit music=, or use \.mp4 or \.mov or \.webm"):
        check_sound(SoundSettings(track), Path(name), target(name))
    check_sound(SoundSettings(), Path(name), target(name))


def test_the_music_is_not_overwritten(tmp_path: Path) -> None:
    track = write_track(tmp_path / "it.mp4", tone(1))
    with pytest.raises(InputError, match=r"it\.mp4 is the music file itself: use another name"):
        check_sound(SoundSettings(track), track, target("it.mp4"))


def test_videos_contain_the_requested_music(render: Callable[..., tuple[int, str, str]], cover: Path) -> None:
    write_track(Path("tone.wav"), tone(2))
    small = ("--size", "96x64", "--columns", "12", "--duration", "1.5", "--fps", "12", "--music", "tone.wav")
    for name in ("it.mp4", "it.webm"):
        code, _, err = render("zoom", cover, *small, "--music-start", "0.5", "--music-fade", "0.2", "-o", name)
        assert code == 0, err
        found = probe(Path(name))
        assert found.frames == 18
        assert found.sound is not None
        assert (found.sound.codec, found.sound.rate) == ("aac" if name == "it.mp4" else "opus", 48000)
        assert len(decode_sound(Path(name))) / RATE == pytest.approx(1.5, abs=0.02)
    assert (
        render("zoom", cover, *small, "--max-size", "50KB", "-o", "it.mp4", "-y")[0] == 0
    )  # of which the sound takes 36
    assert Path("it.mp4").stat().st_size <= 50_000
    assert probe(Path("it.mp4")).sound is not None
    code, _, err = render("zoom", cover, *small, "--max-size", "20KB", "-o", "other.mp4")
    assert (code, "the sound alone takes 0.0" in err) == (2, True)
    code, _, err = render("zoom", cover, *small, "-o", "it.gif")
    assert (code, "-o it.gif: gif has no sound: omit --music" in err) == (2, True)
    code, _, err = render("zoom", cover, *small, "--music-start", "9", "-o", "other.mp4")
    assert (code, "--music-start 9 is after the end of tone.wav (2.0 s): start earlier" in err) == (2, True)
    assert sorted(path.name for path in Path().iterdir()) == ["it.mp4", "it.webm", "tone.wav"]


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".ogg", ".m4a"])
def test_tracks_of_any_format_lose_their_metadata(tmp_path: Path, suffix: str) -> None:
    """The title, which players would show, and the cover picture are not copied."""
    wav, track = write_track(tmp_path / "tone.wav", tone(3)), tmp_path / f"-it's {suffix}"
    picture = ["-f", "lavfi", "-i", "testsrc=size=32x32:rate=1:duration=1"] if suffix == ".mp3" else []
    pictured = ["-map", "1:v", "-disposition:v", "attached_pic"] if picture else []
    made = run_ffmpeg("-i", str(wav), *picture, "-map", "0:a", *pictured, "-metadata", "title=Secret", str(track))
    assert made.returncode == 0, made.stderr.decode()
    path = video_with(SoundSettings(track), 4, tmp_path)
    assert loudness(path)[0] == pytest.approx(-14, abs=0.5)
    assert b"Secret" not in path.read_bytes()


def test_ffmpeg_has_the_audio_encoders() -> None:
    encoders = run_ffmpeg("-encoders").stdout.decode()
    assert " aac " in encoders, ffmpeg_path()
    assert " libopus " in encoders
