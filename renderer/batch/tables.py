"""One `[[job]]` table of a campaign: every video that it means."""

from __future__ import annotations

import glob
import itertools
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from renderer import plugins
from renderer.batch.names import check_inside, field_names, fill, output_folder, output_path
from renderer.batch.problems import Place, Problems
from renderer.batch.rows import DataRow, read_rows
from renderer.errors import InputError
from renderer.files import expanded, is_file, require_file
from renderer.job import VideoJob, check_cover
from renderer.names import expand_glob, on_disk
from renderer.parameters import parameters, spell, suggestion
from renderer.preset import Preset, as_draft, load_preset, merged, read_parameter, read_setting
from renderer.scene import Animation
from renderer.sound import check_sound
from renderer.toml_positions import TomlPositions

MAX_VIDEOS: Final = 10_000
"""Of one table: more are a slip in a sweep."""

PLAIN: Final = "plain"
"""What {preset} is without one."""

_WORDS: Final = ("cover", "output", "preset", "animation", "rows", "sweep")

_UNWANTED: Final = {
    "save_map": "a campaign's maps are kept by themselves",
    "credits": "several videos would write one file, render mosaic --credits writes those of a cover",
}

_FREE_TEXT: Final = ("title",)
"""Parameters whose value is never a path: their fields may hold anything."""

_FILES: Final = ("logo", "font", "music")
"""Parameters that name a file that must be there."""

Fields = Mapping[str, str]
Video = tuple[VideoJob, Place, Fields]
"""A job, where it is written down, and what tells it from others."""


@dataclass(frozen=True)
class BatchRequest:
    """What the command line says; it counts more than the file."""

    keys: Mapping[str, Any] = field(default_factory=dict)  # of each job: cover, preset, animation, output, rows
    values: Mapping[str, Any] = field(default_factory=dict)  # parameters by name, typed
    draft: bool = False
    skip_bad_rows: bool = False  # rows with problems are left out, and the others are rendered
    command: str = "render batch"  # as it is shown where a video tells how it was made


@dataclass(frozen=True)
class CampaignSource:
    """What all tables of a campaign share."""

    where: TomlPositions
    defaults: Mapping[str, Any]
    asked: BatchRequest
    problems: Problems
    tracks: dict[object, str] = field(default_factory=dict)  # what is wrong with music that was tried; "" if nothing is


class JobTable:
    """A table with what the defaults and the command line add to it. Its problems are noted, and it goes on."""

    def __init__(self, source: CampaignSource, number: int, own: Mapping[str, Any]) -> None:
        """`number`: among the tables, from 0."""
        self._source, self._number, self._own = source, number, own
        self._problems = source.problems
        self._table = {**merged(dict(source.defaults), dict(own)), **source.asked.keys}
        if "animation" in source.asked.keys:
            self._table.pop("timeline", None)
        self._here = source.where.of("job", number)

    def _place(self, *keys: str) -> str:
        """Where a key stands: in the table itself, or in the defaults'."""
        return self._source.where.of(*(("job", self._number) if keys[0] in self._own else ("defaults",)), *keys)

    # -- What it says --------------------------------------------------------------------------------------------------

    @cached_property
    def _template(self) -> str:
        """What its outputs are named after."""
        given = self._table.get("output")
        folder = "out"
        if isinstance(given, str | Path) and str(given):
            if not (Path(given).is_dir() or str(given).endswith("/")):
                return str(given)
            folder = str(given)
        elif given is not None:
            self._problems.add("output is a name for files, such as out/{cover}", self._place("output"))
        parts = ["{cover}", "{animation}", *(["{preset}"] if self._table.get("preset") else [])]
        return f"{folder}/" + "-".join([*parts, *(f"{{{key.replace('-', '_')}}}" for key in self._sweep)])

    @property
    def folder(self) -> Path:
        """The folder that all its videos are in."""
        return output_folder(self._template)

    def _texts(self, key: str) -> list[str]:
        """A key's text or texts, each once."""
        given = self._table.get(key, [])
        texts = [given] if isinstance(given, str | Path) else given
        if not isinstance(texts, list | tuple) or not all(isinstance(text, str | Path) for text in texts):
            self._problems.add(f"{key} is a text, or a list of texts", self._place(key))
            return []
        return list(dict.fromkeys(map(str, texts)))

    @cached_property
    def _sweep(self) -> dict[str, list[object]]:
        found: dict[str, list[object]] = {}
        sweep: object = self._table.get("sweep", {})
        if not isinstance(sweep, dict):
            self._problems.add("sweep is a table: write [job.sweep]", self._place("sweep"))
            return {}
        for key, value in sweep.items():
            with self._problems.at(self._place("sweep", key)):
                found[key] = _swept(key, value)
        return found

    @cached_property
    def _rows(self) -> list[DataRow]:
        rows: object = self._table.get("rows")
        if rows is None:
            return [DataRow()]
        if isinstance(rows, str | Path):
            return read_rows(Path(rows), self._problems)
        self._problems.add("rows is the path of a CSV or JSON file", self._place("rows"))
        return []

    @cached_property
    def _columns(self) -> set[str]:
        """The fields that some row has; of a JSON file, others may lack them."""
        return {name for row in self._rows for name in row.fields}

    def _row_place(self, row: DataRow, place: str) -> Place:
        """A row, with the place in the campaign's file that makes use of it."""
        return Place(f"{row.place} ({place})", row.place) if row.place else Place(place)

    def _place_of(self, value: object, row: DataRow, place: str) -> Place:
        """Where a problem with a value stands: in the row too if it has fields of the table, and no unknown ones."""
        names = field_names(value)
        unknown = names - self._columns - {"cover", "animation", "preset"}
        return self._row_place(row, place) if names & self._columns and not unknown else Place(place)

    def _presets(self) -> list[Preset | None]:
        presets: list[Preset | None] = []
        for name in self._texts("preset"):
            with self._problems.at(self._place("preset")):
                presets.append(load_preset(name))
        return presets or [None]

    def _kinds(self) -> dict[str, type[Animation]]:
        """The animations by name; a timeline is of `show`, and `zoom` is what is shown if nothing is said."""
        kinds: dict[str, type[Animation]] = {}
        for name in self._texts("animation") or ["show" if "timeline" in self._table else "zoom"]:
            with self._problems.at(self._place("animation")):
                if name not in plugins.installed():
                    fix = suggestion(name, plugins.installed()) or ": `render animations` lists them"
                    raise InputError(f"there is no animation {name}{fix}")
                kinds[name] = plugins.load_animation(name)
        return kinds

    def _covers(self, row: DataRow) -> list[Path]:
        """The files that the covers' paths and globs name; what comes from a row is a name, never a glob."""
        covers: dict[Path, None] = {}
        for pattern in self._texts("cover"):
            with self._problems.at(self._place_of(pattern, row, self._place("cover"))):
                plain = on_disk(expanded(_filled(pattern, row.fields)))
                if is_file(plain):
                    covers[plain] = None
                elif glob.has_magic(pattern):
                    wanted = Path(fill(pattern, {name: glob.escape(value) for name, value in row.fields.items()}))
                    found = expand_glob(expanded(wanted))
                    covers.update({path: None for path in found if is_file(path)})
                    if not found:
                        raise InputError(f"{plain} matches no file")
                else:
                    check_cover(plain)  # raises, and says why it is none
        return list(covers)

    def _keys(self) -> dict[tuple[str, ...], Any]:
        """What is said of parameters: values by key, or by table and key."""
        keys: dict[tuple[str, ...], Any] = {}
        for key, value in self._table.items():
            if key == "timeline" and not isinstance(value, str):
                with self._problems.at(self._place(key)):
                    keys[key,] = _timeline_text(value)
            elif (reason := _UNWANTED.get(key.replace("-", "_"))) is not None:
                self._problems.add(f"{reason}: leave {key} out", self._place(key))
            elif key in _WORDS:
                continue
            elif not isinstance(value, dict):
                keys[key,] = value
            elif key in plugins.installed():
                keys.update({(key, inner): one for inner, one in value.items()})
            else:
                fix = suggestion(key, [*_WORDS, *plugins.installed()])
                self._problems.add(f"there is no animation {key}{fix}", self._place(key))
        return keys

    # -- What it means -------------------------------------------------------------------------------------------------

    def videos(self) -> Iterator[Video]:
        """Every combination of covers, animations, presets, rows and sweeps."""
        if not self._texts("cover"):
            self._problems.add('it names no cover: add cover = "covers/*.jpg"', self._here)
        for name in _UNWANTED.keys() & self._source.asked.values:
            self._problems.add(f"{_UNWANTED[name]}: leave it out", f"--{name.replace('_', '-')}")
        rows, presets, kinds, sweep, keys = self._rows, self._presets(), self._kinds(), self._sweep, self._keys()
        others = dict.fromkeys((name for kind in kinds.values() for name in parameters(kind)), "default")
        for row in rows:
            covers = self._covers(row)
            if not (covers and kinds):  # nothing will be made of its keys, which may have problems too
                every = kinds or {name: plugins.load_animation(name) for name in plugins.installed()}
                own = {"cover": "", "animation": "", "preset": ""}
                self._values(keys, row, own, every, next(iter(every)))
            count = len(rows) * len(covers) * len(kinds) * len(presets) * math.prod(map(len, sweep.values()))
            if count > MAX_VIDEOS:
                self._problems.add(f"it makes {count} videos, more than {MAX_VIDEOS}: sweep over less", self._here)
                return
            place = self._row_place(row, self._here)
            choices = {name: _combinations(sweep, parameters(kinds[name]), others) for name in kinds}
            for cover, name, preset in itertools.product(covers, kinds, presets):
                own = {"cover": cover.stem, "animation": name, "preset": preset.name if preset else PLAIN}
                for swept in choices[name]:
                    said = keys | {("sweep", key): value for key, value in swept.items()}
                    values = self._values(said, row, own, kinds, name)
                    with self._problems.at(place):
                        job, fields = self._video(cover, kinds[name], preset, values, {**row.fields, **own}, others)
                        told = {*own, *row.fields, *(key.replace("-", "_") for key in sweep)}
                        yield job, place, {key: value for key, value in fields.items() if key in told}

    def _values(
        self, keys: Mapping[tuple[str, ...], Any], row: DataRow, own: Fields, kinds: Mapping[str, type[Animation]],
        name: str,
    ) -> dict[str, Any]:  # fmt: skip
        """The parameters of one video, typed; `own`: its fields, where the row has none of their names."""
        values: dict[str, Any] = {}
        fields = {**own, **row.fields}
        for (*table, key), value in keys.items():
            place = self._place_of(value, row, self._place(*table, key))
            known = key.replace("-", "_")
            with self._problems.at(place):
                read: dict[str, Any] = {}
                if table and table[0] != "sweep":  # an animation's own
                    if table[0] == name:
                        read = read_parameter(kinds[name], key, _filled(value, fields, key), place.text)
                elif known in parameters(kinds[name]):
                    read = read_parameter(kinds[name], key, _filled(value, fields, key), place.text)
                elif not any(known in parameters(kind) for kind in kinds.values()):
                    read = read_setting(key, _filled(value, fields, key), place.text)
                _check_files(read)
                values.update(read)
        for key, value in self._source.asked.values.items():
            with self._problems.at(self._place_of(value, row, "the command line")):
                values[key] = _filled(value, fields, key)
                _check_files({key: values[key]})
        return values

    def _video(
        self, cover: Path, kind: type[Animation], preset: Preset | None, own: Mapping[str, Any], fields: Fields,
        others: Fields,
    ) -> tuple[VideoJob, Fields]:  # fmt: skip
        """The job, and every field of its name; `others`: parameters of other animations. Raises InputError."""
        below = {**preset.values, **preset.animations.get(fields["animation"], {})} if preset else {}
        values = {**(as_draft(below) if self._source.asked.draft else below), **own}
        job = VideoJob.of(cover, kind, Path(), values)
        owners = (job.match, job.output, job.file, job.overlay, job.sound, job.animation)
        settings = {name: _as_field(getattr(owner, name)) for owner in owners for name in parameters(owner)}
        suffix = job.file.format or "mp4"
        fields = {**others, **settings, "format": suffix, **fields}
        path = output_path(self._template, fields, f".{suffix}")
        job = replace(
            job, path=path, file=job.file if "format" in own else job.file.for_name(path, keep_codec="codec" in own),
            preset=preset.name if preset else "", rules=preset.rules if preset else None,
        )  # fmt: skip
        job.resolved().selected_frames()
        _check_files({"logo": job.overlay.logo, "font": job.overlay.font})  # of the preset
        self._check_sound(job)
        return job, fields

    def _check_sound(self, job: VideoJob) -> None:
        """See `check_sound`; each track is tried once."""
        track, tried = (job.sound, job.path.suffix, job.target), self._source.tracks
        if track not in tried:
            tried[track] = ""
            try:
                check_sound(job.sound, job.path, job.target)
            except InputError as error:
                tried[track] = error.text
        if tried[track]:
            raise InputError(tried[track])


def _combinations(
    sweep: Mapping[str, Sequence[object]], own: Collection[str], others: Collection[str]
) -> list[dict[str, object]]:
    """Every combination of a sweep's values, without those of parameters that are only `others`, other animations'."""
    kept = [key for key in sweep if (known := key.replace("-", "_")) in own or known not in others]
    return [dict(zip(kept, chosen, strict=True)) for chosen in itertools.product(*(sweep[key] for key in kept))]


def _timeline_text(tables: object) -> str:
    """The words that `[[job.timeline]]` tables mean."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InputError('a timeline is a text, or [[job.timeline]] tables with animation = "zoom", seconds = 5')
    segments = []
    for table in tables:
        words = [str(table.get("animation", "")), f"{table.get('seconds', '')}s"]
        for key, value in table.items():
            for each in value if isinstance(value, list) else [value]:
                word = str(each).lower() if isinstance(each, bool) else str(each)
                if re.search(r"\s", word):
                    raise InputError(f"{key} = {word} has a space in it, which a campaign's timeline can't hold")
                words += [f"{key}={word}"] if key not in ("animation", "seconds") else []
        segments.append(" ".join(words))
    return ", ".join(segments)


def _swept(key: str, value: object) -> list[object]:
    """The values of a sweep: a list, or whole numbers as "0..9", both included."""
    if isinstance(value, list) and value:
        return value
    found = re.fullmatch(r"\s*(-?\d{1,18})\s*\.\.\s*(-?\d{1,18})\s*", value) if isinstance(value, str) else None
    if found is None or int(found[2]) < int(found[1]):
        raise InputError(f'{key} = {value} is no sweep: write "0..9", or a list of values')
    if int(found[2]) - int(found[1]) >= MAX_VIDEOS:
        raise InputError(f"{key} = {value} makes more than {MAX_VIDEOS} videos: sweep over less")
    return list(range(int(found[1]), int(found[2]) + 1))


def _filled(value: Any, fields: Fields, key: str = "") -> Any:
    """A value with the fields of its texts filled in. Raises InputError, of one that leads out of its folder too."""
    if isinstance(value, str):
        if key == "timeline" and not value.lower().endswith(".toml"):
            _check_timeline(value, fields)
        elif key not in _FREE_TEXT:
            check_inside(value, fields)
        return fill(value, fields)
    if isinstance(value, Path):
        return Path(_filled(str(value), fields))
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return type(value)(_filled(each, fields) for each in value)
    return value


def _check_timeline(template: str, fields: Fields) -> None:
    """Raise InputError if a value leads a parameter of a timeline out of its folder, or makes several words of one."""
    for word in re.findall(r"(?:\{[^{}]*\}|\S)+", template):
        check_inside(word.partition("=")[2] or word, fields)
        for name in field_names(word) & fields.keys():
            if word != f"{{{name}}}" and re.search(r"\s", fields[name]):
                raise InputError(f"{name} = {fields[name]} has a space in it, which a timeline can't hold")


def _check_files(values: Mapping[str, Any]) -> None:
    """Raise InputError for files among parameters that are not there."""
    for name in _FILES:
        if (path := values.get(name)) is not None:
            require_file(expanded(path), f"--{name}")


def _as_field(value: object) -> str:
    """A parameter's value as it stands in a name."""
    if value is None:
        return "default"
    if isinstance(value, tuple) and all(isinstance(each, str) for each in value):
        return "+".join(Path(each).name for each in value)
    return spell(value)
