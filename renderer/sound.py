"""A track of music → the sound of a video: as long as it, faded, at the loudness that platforms play at.

The sound is made whole before the video, as a file of coded packets that the encoder's ffmpeg copies beside its frames:
one process writes the video, and none is written twice.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from renderer.encoder import FORMATS, UNLISTED, OutputFormat, run_ffmpeg, user_file
from renderer.errors import EncoderError, InputError
from renderer.files import expanded, require_file, temporary_folder
from renderer.parameters import Validated, parameter, parameters

RATE: Final = 48_000
"""Samples a second, in two channels: what video files carry."""

TRUE_PEAK: Final = -1.0
"""dBTP that the sound may reach: room for what a lossy codec adds between samples (EBU R 128 s2)."""

SHORTEST: Final = 1.0
"""Seconds of a track that can be used at least; a shorter one, looped, is a noise."""

AAC_FRAME: Final = 1024
"""Samples of a packet of AAC-LC; ffmpeg's encoder begins with one of priming (ISO/IEC 14496-3)."""

_SAMPLE_BYTES: Final = 8  # of both channels, as 32-bit floats: what is louder than full scale is not clipped
_PCM: Final = ("-f", "f32le", "-ar", str(RATE), "-ac", "2")
_SILENT: Final = -70.0  # LUFS: the absolute gate of ITU-R BS.1770-4; nothing quieter is measured


@dataclass(frozen=True)
class SoundSettings(Validated):
    """The music of a video."""

    music: Path | None = parameter(None, "Music file, cut or looped to the video's length")
    music_start: float = parameter(0.0, "Start position in the music file", unit="seconds", low=0.0, high=86_400.0)
    music_fade: float = parameter(
        1.0, "Fade-in and fade-out time, each at most half of the video", unit="seconds", low=0.0, high=60.0
    )
    loudness: float = parameter(-14.0, "Integrated loudness (EBU R 128)", unit="LUFS", low=-40.0, high=-5.0)
    music_bitrate: Literal[192, 384] = parameter(192, "Audio bitrate in kbit/s")


def check_heard(settings: SoundSettings, given: Collection[str]) -> None:
    """Raise InputError for options of the sound that are given by name where there is no music to heed them."""
    idle = [name for name in parameters(SoundSettings) if name in given]
    if idle and settings.music is None:
        raise InputError(
            f"--{idle[0].replace('_', '-')} has no effect without --music: give a track too, or leave it out"
        )


def check_sound(settings: SoundSettings, path: Path, target: OutputFormat) -> None:
    """Raise InputError if there is music that can't be used, or that what is written to `path` does not carry.

    Takes a tenth of a second. A track that is silent is found out only when it is prepared.
    """
    if settings.music is None:
        return
    if not target.format.sound:
        able = " or ".join(one.suffixes[0] for one in FORMATS if one.sound)
        raise InputError(
            f"-o {path}: {target.format.name} carries no sound: leave --music out, or give a name that ends in {able}"
        )
    track = expanded(settings.music)
    require_file(track, "--music")
    if path.exists() and path.samefile(track):
        raise InputError(f"-o {path} is the file of the music: give another name")
    with temporary_folder() as folder:
        _decode(track, settings.music_start, SHORTEST, folder / "piece.f32")


def prepare_sound(settings: SoundSettings, seconds: float, folder: Path, target: OutputFormat) -> Path:
    """Make the sound of a video that lasts some seconds, as a file in a folder of temporary ones.

    It is trimmed or looped, faded, and brought to the loudness asked for: by one gain if its peaks allow it, otherwise
    by ffmpeg's `loudnorm`, which is told what a first pass measured. WebM gets Opus; other formats AAC, which comes in
    whole packets: it ends within half of one (11 ms) of the video. Disk: 0.4 MB for each second. Raises InputError for
    a track that can't be used.
    """
    if settings.music is None:
        raise ValueError("there is no music")
    track = expanded(settings.music)
    opus = target.format.name == "webm"
    samples = max(round(seconds * RATE), AAC_FRAME)
    whole = samples if opus else round(samples / AAC_FRAME) * AAC_FRAME
    piece = folder / "piece.f32"
    _decode(track, settings.music_start, seconds, piece)
    fades = _fades(settings.music_fade, seconds)
    looped = ["-stream_loop", "-1", *_PCM, "-i", str(piece)]
    length = f"atrim=end_sample={min(samples, whole)},apad=whole_len={whole}"
    # Loudness is measured in blocks of 0.4 s: of a shorter video, it is that of a second of the track.
    measured = _measure(track, looped, [length, *fades] if seconds >= SHORTEST else [f"atrim=end={SHORTEST:g}"])
    level = _level(measured, settings.loudness)
    bitrate = f"{settings.music_bitrate}k"
    if opus:
        sound, coding = folder / "sound.ogg", ["-c:a", "libopus", "-b:a", bitrate, "-f", "ogg"]
        chain = [length, level, *fades]
    else:
        # Files without edit lists can't say that the first packet is priming, and players play it: so the sound
        # begins a packet late, and is cut by as much. What is heard at a moment is what the track has there.
        sound, coding = folder / "sound.aac", ["-c:a", "aac", "-b:a", bitrate, "-f", "adts"]
        chain = [length, level, *fades, f"atrim=start_sample={AAC_FRAME}", "asetpts=PTS-STARTPTS"]
    _run(*looped, "-af", ",".join(chain), "-map_metadata", "-1", *coding, "-y", str(sound))
    piece.unlink()
    return sound


def _decode(track: Path, start: float, seconds: float, piece: Path) -> None:
    """Write what of a track a video needs as raw samples; raises InputError if there is nothing to be had."""
    wanted = max(seconds, SHORTEST) + 0.1  # for a length in whole packets
    done = run_ffmpeg(
        *user_file(track), "-map", "0:a:0", "-vn",
        "-af", f"aresample={RATE},atrim=start={start:.6f}:duration={wanted:.6f}", *_PCM, "-y", str(piece),
    )  # fmt: skip
    said = done.stderr.decode("utf-8", "replace")
    if "No space left on device" in said:
        raise EncoderError(f"{piece.parent}: the disk is full: free some space")
    if UNLISTED in said:
        raise InputError(f"--music {track} is not a sound file, but a text, a picture or a playlist: give another file")
    if "matches no streams" in said:
        raise InputError(f"--music {track} has no sound in it: give a track that has")
    found = piece.stat().st_size // _SAMPLE_BYTES / RATE if piece.exists() else 0.0
    if done.returncode != 0 and not found:  # of a damaged track what can be read is taken
        raise InputError(f"--music {track} is no sound that ffmpeg can read: give another file, such as an .mp3")
    if not found and start:
        length = _length(said)
        ending = f", which lasts {length:.1f} s" if length else ""
        raise InputError(f"--music-start {start:g} is beyond the end of {track.name}{ending}: give an earlier one")
    if found < SHORTEST:
        raise InputError(
            f"--music {track} holds {found:.2f} s of sound{' from --music-start on' if start else ''}: "
            f"{SHORTEST:g} s is needed at least: give a longer track{', or an earlier start' if start else ''}"
        )


def _length(said: str) -> float | None:
    """The seconds that a file lasts, by what ffmpeg said of it."""
    found = re.search(r"Duration: (\d+):(\d+):([\d.]+)", said)
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else None


def _fades(fade: float, seconds: float) -> list[str]:
    length = min(fade, seconds / 2)
    if not length:
        return []
    return [f"afade=t=in:d={length:.6f}:curve=hsin", f"afade=t=out:st={seconds - length:.6f}:d={length:.6f}:curve=hsin"]


def _measure(track: Path, source: list[str], chain: list[str]) -> dict[str, float]:
    """What loudnorm measures of a sound: integrated loudness, true peak, range, threshold. Raises InputError."""
    done = _run(*source, "-af", ",".join([*chain, "loudnorm=print_format=json"]), "-f", "null", "-")
    said = done.stderr.decode("utf-8", "replace")
    values = json.loads(said[said.rindex("{") : said.rindex("}") + 1])
    measured = {name: float(values[name]) for name in ("input_i", "input_tp", "input_lra", "input_thresh")}
    if math.isnan(measured["input_i"]) or max(measured["input_i"], measured["input_tp"]) == math.inf:
        raise InputError(f"--music {track} holds numbers that are no sound: give another track")
    if not measured["input_i"] > _SILENT:
        raise InputError(f"--music {track} is silent where it would be heard: give another track, or --music-start")
    return measured


def _level(measured: dict[str, float], loudness: float) -> str:
    """The filter that brings a sound of measured loudness to that asked for."""
    gain = loudness - measured["input_i"]
    if measured["input_tp"] + gain <= TRUE_PEAK:
        return f"volume={gain:.3f}dB"
    widest = math.ceil(min(max(measured["input_lra"], 7.0), 50.0))
    # Floats may be louder than full scale, which loudnorm takes no measures of: such a track is brought down first.
    before = gain if measured["input_i"] > 0 else 0.0
    return (
        f"volume={before:.3f}dB,loudnorm=I={loudness:g}:TP={TRUE_PEAK:g}:LRA={widest}:"
        f"measured_I={measured['input_i'] + before:.2f}:measured_TP={measured['input_tp'] + before:.2f}:"
        f"measured_LRA={min(measured['input_lra'], 99.0)}:"
        f"measured_thresh={min(measured['input_thresh'] + before, 0.0):.2f}:linear=false,aresample={RATE}"
    )


def _run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run ffmpeg on what it has decoded already: a failure is nobody's fault."""
    done = run_ffmpeg(*arguments)
    if done.returncode != 0:
        said = "\n  ".join(done.stderr.decode("utf-8", "replace").strip().splitlines()[-4:])
        if "No space left on device" in said:
            raise EncoderError("the disk of temporary files is full: free some space")
        raise EncoderError(f"ffmpeg failed on the sound:\n  {said}")
    return done
