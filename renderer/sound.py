"""Prepare the music of a video: trimmed or looped to its duration, faded, and normalized to a loudness.

The sound is encoded completely before the video, into a file whose packets the encoder's ffmpeg copies along with the
frames: one process writes the video, and only once.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
from collections.abc import Collection
from pathlib import Path
from typing import Final

from renderer.errors import EncoderError, InputError
from renderer.ffmpeg import UNLISTED, run_ffmpeg, user_file
from renderer.formats import FORMATS, OutputFormat
from renderer.input_files import require_file
from renderer.messages import named
from renderer.output_files import temporary_folder
from renderer.parameters import parameters
from renderer.paths import expanded
from renderer.settings import SoundSettings

RATE: Final = 48_000
"""Samples per second, in two channels, as usual in video files."""

TRUE_PEAK: Final = -1.0
"""Maximum true peak in dBTP: headroom for the peaks that a lossy codec adds (EBU R 128 s2)."""

SHORTEST: Final = 1.0
"""Minimum usable seconds of a track; a shorter one would be noise when looped."""

AAC_FRAME: Final = 1024
"""Samples per packet of AAC-LC; ffmpeg's encoder starts with one packet of priming (ISO/IEC 14496-3)."""

_SAMPLE_BYTES: Final = 8  # of both channels, as 32-bit floats, so that peaks above full scale are not clipped
_PCM: Final = ("-f", "f32le", "-ar", str(RATE), "-ac", "2")
_SILENT: Final = -70.0  # LUFS: the absolute gate of ITU-R BS.1770-4; quieter blocks are not measured


def check_music_options(settings: SoundSettings, given: Collection[str]) -> None:
    """Raise InputError if `given` contains sound parameters but there is no music."""
    unused = [name for name in parameters(SoundSettings) if name in given]
    if unused and settings.music is None:
        raise InputError(f"{named(unused[0])} has no effect without {named('music')}: specify a track, or omit it")


def check_sound(settings: SoundSettings, path: Path, target: OutputFormat) -> None:
    """Raise InputError if the music can't be used, or if the output has no sound.

    Takes a tenth of a second. A silent track is detected only by `prepare_sound`.
    """
    if settings.music is None:
        return
    if not target.format.sound:
        extensions = " or ".join(one.suffixes[0] for one in FORMATS if one.sound)
        raise InputError(
            f"{named('output', path)}: {target.format.name} has no sound: omit {named('music')}, or use {extensions}"
        )
    track = expanded(settings.music)
    require_file(track, named("music", track))
    if path.exists() and path.samefile(track):
        raise InputError(f"{named('output', path)} is the music file itself: use another name")
    with temporary_folder() as folder:
        _decode(track, settings.music_start, SHORTEST, folder / "piece.f32")


def prepare_sound(settings: SoundSettings, seconds: float, folder: Path, target: OutputFormat) -> Path:
    """Write the sound of a video of some seconds into a temporary folder and return its path.

    It is trimmed or looped, faded, and normalized to the requested loudness: by a constant gain if its peaks allow it,
    otherwise by ffmpeg's `loudnorm` with the values measured in a first pass. WebM gets Opus; other formats get AAC in
    whole packets, so that the sound ends within half a packet (11 ms) of the video. Disk: 0.4 MB per second. Raises
    InputError for a track that can't be used.
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
    # Loudness is measured in blocks of 0.4 s: a video shorter than 1 s uses the loudness of 1 s of the track.
    measured = _measure(track, looped, [length, *fades] if seconds >= SHORTEST else [f"atrim=end={SHORTEST:g}"])
    level = _level(measured, settings.loudness)
    bitrate = f"{settings.music_bitrate}k"
    if opus:
        sound, coding = folder / "sound.ogg", ["-c:a", "libopus", "-b:a", bitrate, "-f", "ogg"]
        chain = [length, level, *fades]
    else:
        # A file without edit lists can't mark the first packet as priming, so players play it. The sound is therefore
        # trimmed by one packet at its start, which keeps it in sync.
        sound, coding = folder / "sound.aac", ["-c:a", "aac", "-b:a", bitrate, "-f", "adts"]
        chain = [length, level, *fades, f"atrim=start_sample={AAC_FRAME}", "asetpts=PTS-STARTPTS"]
    _run(*looped, "-af", ",".join(chain), "-map_metadata", "-1", *coding, "-y", str(sound))
    piece.unlink()
    return sound


def _decode(track: Path, start: float, seconds: float, piece: Path) -> None:
    """Decode the part of a track that a video needs to raw samples. Raises InputError if there is no usable sound."""
    length = max(seconds, SHORTEST) + 0.1  # margin for whole packets
    done = run_ffmpeg(
        *user_file(track), "-map", "0:a:0", "-vn",
        "-af", f"aresample={RATE},atrim=start={start:.6f}:duration={length:.6f}", *_PCM, "-y", str(piece),
    )  # fmt: skip
    log = done.stderr.decode("utf-8", "replace")
    if "No space left on device" in log:
        raise EncoderError(f"{piece.parent}: the disk is full: free some space")
    if UNLISTED in log:
        raise InputError(
            f"{named('music', track)} is not a sound file but a text file, a picture or a playlist: use another file"
        )
    if "matches no streams" in log:
        raise InputError(f"{named('music', track)} has no audio stream: use another file")
    found = piece.stat().st_size // _SAMPLE_BYTES / RATE if piece.exists() else 0.0
    if done.returncode != 0 and not found:  # a damaged track is used as far as it can be read
        raise InputError(f"{named('music', track)} can't be decoded by ffmpeg: use another file, such as an .mp3")
    if not found and start:
        duration = _duration(log)
        ending = f" ({duration:.1f} s)" if duration else ""
        raise InputError(f"{named('music_start', start)} is after the end of {track.name}{ending}: start earlier")
    if found < SHORTEST:
        raise InputError(
            f"{named('music', track)} has only {found:.2f} s of sound"
            f"{' after ' + named('music_start') if start else ''}, but at least {SHORTEST:g} s are needed: "
            f"use a longer track{' or an earlier start' if start else ''}"
        )


def _duration(log: str) -> float | None:
    """Return a file's duration in seconds from ffmpeg's log."""
    found = re.search(r"Duration: (\d+):(\d+):([\d.]+)", log)
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else None


def _fades(fade: float, seconds: float) -> list[str]:
    length = min(fade, seconds / 2)
    if not length:
        return []
    return [f"afade=t=in:d={length:.6f}:curve=hsin", f"afade=t=out:st={seconds - length:.6f}:d={length:.6f}:curve=hsin"]


def _measure(track: Path, source: list[str], chain: list[str]) -> dict[str, float]:
    """Measure integrated loudness, true peak, range and threshold with loudnorm. Raises InputError."""
    done = _run(*source, "-af", ",".join([*chain, "loudnorm=print_format=json"]), "-f", "null", "-")
    log = done.stderr.decode("utf-8", "replace")
    values = json.loads(log[log.rindex("{") : log.rindex("}") + 1])
    measured = {name: float(values[name]) for name in ("input_i", "input_tp", "input_lra", "input_thresh")}
    if math.isnan(measured["input_i"]) or max(measured["input_i"], measured["input_tp"]) == math.inf:
        raise InputError(f"{named('music', track)} contains samples that are not numbers: use another track")
    if not measured["input_i"] > _SILENT:
        raise InputError(
            f"{named('music', track)} is silent in the part that is used: use another track or {named('music_start')}"
        )
    return measured


def _level(measured: dict[str, float], loudness: float) -> str:
    """Return the filter that changes the measured loudness to the requested one."""
    gain = loudness - measured["input_i"]
    if measured["input_tp"] + gain <= TRUE_PEAK:
        return f"volume={gain:.3f}dB"
    widest = math.ceil(min(max(measured["input_lra"], 7.0), 50.0))
    # Float samples may exceed full scale, which loudnorm does not accept as measured values: attenuate first.
    before = gain if measured["input_i"] > 0 else 0.0
    return (
        f"volume={before:.3f}dB,loudnorm=I={loudness:g}:TP={TRUE_PEAK:g}:LRA={widest}:"
        f"measured_I={measured['input_i'] + before:.2f}:measured_TP={measured['input_tp'] + before:.2f}:"
        f"measured_LRA={min(measured['input_lra'], 99.0)}:"
        f"measured_thresh={min(measured['input_thresh'] + before, 0.0):.2f}:linear=false,aresample={RATE}"
    )


def _run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run ffmpeg on sound that it has decoded already. Raises EncoderError."""
    done = run_ffmpeg(*arguments)
    if done.returncode != 0:
        log = "\n  ".join(done.stderr.decode("utf-8", "replace").strip().splitlines()[-4:])
        if "No space left on device" in log:
            raise EncoderError("The disk with temporary files is full: free some space")
        raise EncoderError(f"ffmpeg failed on the sound:\n  {log}")
    return done
