"""Expand one `[[job]]` table of a campaign into its videos."""

from __future__ import annotations

import glob
import itertools
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from renderer import plugins
from renderer.batch.names import check_inside, field_names, fill, output_folder, output_path
from renderer.batch.problems import Origin, Problems
from renderer.batch.rows import DataRow, read_rows
from renderer.cover_names import CoverName, MadeCover, cover_name
from renderer.errors import InputError
from renderer.input_files import is_file, require_file
from renderer.messages import FormatCommand, named
from renderer.names import expand_glob, on_disk
from renderer.parameters import parameters, spell, suggestion
from renderer.paths import expanded
from renderer.preset import Preset, load_preset, merged, read_parameter, read_setting, with_preset
from renderer.scene import Animation
from renderer.sound import check_sound
from renderer.timeline import Entry
from renderer.toml_positions import TomlPositions
from renderer.video_job import VideoJob

MAX_VIDEOS: Final = 10_000
"""Maximum number of videos of one table: more are most likely a mistake in a sweep."""

NO_PRESET: Final = "plain"
"""The value of {preset} without a preset."""

_TABLE_KEYS: Final = ("cover", "covers", "output", "preset", "animation", "rows", "sweep")

_UNSUPPORTED: Final = {
    "save_map": "a campaign caches its maps automatically",
    "credits": "several videos would write the same file; `render mosaic` writes the credits of one cover",
}
"""Parameters that a campaign does not support, and why."""

_FREE_TEXT: Final = ("title",)
"""Parameters whose value is never a path: their fields may contain anything."""

_FILES: Final = ("logo", "font", "music")
"""Parameters that name an existing file."""

Fields = Mapping[str, str]
Video = tuple[VideoJob, Origin, Fields]
"""A job, where it is written, and the fields that tell it from others."""


@dataclass(frozen=True)
class BatchRequest:
    """Values that are specified in addition to a campaign file, and override it."""

    keys: Mapping[str, Any] = field(default_factory=dict)  # of each job: cover, preset, animation, output, rows
    values: Mapping[str, Any] = field(default_factory=dict)  # parameters by name, typed
    draft: bool = False
    skip_bad_rows: bool = False  # leave out rows with problems and render the others
    format_command: FormatCommand | None = None  # formats the commands that render one video again; None: no commands
    command: tuple[Sequence[str], Mapping[str, object]] = (("batch",), {})  # renders the campaign again: words, values

    @property
    def parameter_names(self) -> frozenset[str]:
        """The names of the parameters that are specified here."""
        return frozenset({*self.values, *self.keys})

    def video_command(self, video: str) -> str:
        """Return the command that renders one video again; empty without `format_command`."""
        words, values = self.command
        return self.format_command(words, {**values, "only": (video,)}) if self.format_command else ""

    def short_command(self, video: str) -> str:
        """Return `video_command` without paths and overrides, as it is written into the video."""
        return self.format_command(("batch",), {"only": (video,)}) if self.format_command else ""


@dataclass(frozen=True)
class CampaignSource:
    """What all tables of a campaign share."""

    positions: TomlPositions
    defaults: Mapping[str, Any]
    request: BatchRequest
    problems: Problems
    errors: dict[object, str] = field(default_factory=dict)  # by track or drawn cover; "" if it is usable

    @cached_property
    def requested(self) -> Origin:
        """The origin of the request's values."""
        return Origin(requested=self.request.parameter_names)


class JobTable:
    """A table merged with the defaults and the request. Its problems are collected; they do not stop the expansion."""

    def __init__(self, source: CampaignSource, number: int, own: Mapping[str, Any]) -> None:
        """`number`: index of the table, from 0."""
        self._source, self._number, self._own = source, number, own
        self._problems = source.problems
        self._table = {**merged(dict(source.defaults), dict(own)), **source.request.keys}
        if "animation" in source.request.keys:
            self._table.pop("timeline", None)
        self._share_covers()
        self._origin = replace(source.requested, text=source.positions.of("job", number))

    def _share_covers(self) -> None:
        """Divide the covers of one video, if specified, into its cover and the parameter `to`."""
        if "covers" not in self._table:
            return
        if "cover" in self._own or "cover" in self._source.request.keys:
            self._problems.add("cover and covers both name covers: use one of them", self._origin_of("covers"))
        covers = self._texts("covers", each_once=False)
        self._table |= {"cover": covers[:1], "to": covers[1:]}

    def _origin_of(self, *keys: str) -> Origin:
        """Return where a key is written: in the request, in the table itself, or in the defaults."""
        if keys[0] in self._source.request.keys:
            return self._source.requested
        if "covers" in self._table and keys[0] in ("cover", "to"):
            keys = ("covers",)
        tables = ("job", self._number) if keys[0] in self._own else ("defaults",)
        return Origin(self._source.positions.of(*tables, *keys))

    # -- Keys ----------------------------------------------------------------------------------------------------------

    @cached_property
    def _template(self) -> str:
        """The pattern for the names of its outputs."""
        output = self._table.get("output")
        folder = "out"
        if isinstance(output, str | Path) and str(output):
            if not (Path(output).is_dir() or str(output).endswith("/")):
                return str(output)
            folder = str(output)
        elif output is not None:
            self._problems.add("output must be a file name, such as out/{cover}", self._origin_of("output"))
        parts = ["{cover}", "{animation}", *(["{preset}"] if self._table.get("preset") else [])]
        return f"{folder}/" + "-".join([*parts, *(f"{{{key.replace('-', '_')}}}" for key in self._sweep)])

    @property
    def folder(self) -> Path:
        """The folder that contains all its videos."""
        return output_folder(self._template)

    def _texts(self, key: str, *, each_once: bool = True) -> list[str]:
        """Return the texts of a key."""
        value = self._table.get(key, [])
        texts = [value] if isinstance(value, str | Path) else value
        if not isinstance(texts, list | tuple) or not all(isinstance(text, str | Path) for text in texts):
            self._problems.add(f"{key} must be text or a list of texts", self._origin_of(key))
            return []
        return list(dict.fromkeys(map(str, texts)) if each_once else map(str, texts))

    @cached_property
    def _sweep(self) -> dict[str, list[object]]:
        found: dict[str, list[object]] = {}
        sweep: object = self._table.get("sweep", {})
        if not isinstance(sweep, dict):
            self._problems.add("sweep must be a table: write [job.sweep]", self._origin_of("sweep"))
            return {}
        for key, value in sweep.items():
            with self._problems.at(self._origin_of("sweep", key)):
                found[key] = _swept(key, value)
        return found

    @cached_property
    def _rows(self) -> list[DataRow]:
        rows: object = self._table.get("rows")
        if rows is None:
            return [DataRow()]
        if isinstance(rows, str | Path):
            return read_rows(Path(rows), self._problems, self._origin_of("rows"))
        self._problems.add("rows must be the path of a CSV or JSON file", self._origin_of("rows"))
        return []

    @cached_property
    def _columns(self) -> set[str]:
        """The fields that at least one row has; rows of a JSON file may lack some."""
        return {name for row in self._rows for name in row.fields}

    def _value_origin(self, value: object, row: DataRow, origin: Origin) -> Origin:
        """Return the origin of a value, with the row if the value has fields of the data and no unknown fields."""
        names = field_names(value)
        unknown = names - self._columns - {"cover", "animation", "preset"}
        return origin.with_row(row.location) if names & self._columns and not unknown else origin

    def _presets(self) -> list[Preset | None]:
        presets: list[Preset | None] = []
        for name in self._texts("preset"):
            with self._problems.at(self._origin_of("preset")):
                presets.append(load_preset(name))
        return presets or [None]

    def _kinds(self) -> dict[str, type[Animation]]:
        """Return the animations by name; without any, `show` if there is a timeline, otherwise `zoom`."""
        kinds: dict[str, type[Animation]] = {}
        installed = plugins.installed()
        for name in self._texts("animation") or ["show" if "timeline" in self._table else "zoom"]:
            with self._problems.at(self._origin_of("animation")):
                if name not in installed:
                    fix = suggestion(name, installed) or ": `render animations` lists them"
                    raise InputError(f"there is no animation {name}{fix}")
                kinds[name] = plugins.load(installed[name])
        return kinds

    def _covers(self, row: DataRow) -> list[CoverName]:
        """Return the made covers, and the files that match paths and globs; values from a row are never globs."""
        covers: dict[CoverName, None] = {}
        for pattern in self._texts("cover"):
            with self._problems.at(self._value_origin(pattern, row, self._origin_of("cover"))):
                if isinstance(cover_name(pattern), MadeCover):  # the table says so, never a row
                    made = cover_name(fill(pattern, row.fields))
                    if isinstance(made, MadeCover):
                        made.check()
                    covers[made] = None
                    continue
                plain = on_disk(expanded(_filled(pattern, row.fields)))
                if is_file(plain):
                    covers[plain] = None
                elif glob.has_magic(pattern):
                    escaped = Path(fill(pattern, {name: glob.escape(value) for name, value in row.fields.items()}))
                    found = expand_glob(expanded(escaped))
                    covers.update({path: None for path in found if is_file(path)})
                    if not found:
                        raise InputError(f"{plain} matches no files")
                else:
                    from renderer.job import check_cover

                    check_cover(plain)  # raises, with the reason
        return list(covers)

    def _keys(self) -> dict[tuple[str, ...], Any]:
        """Return the values of parameters by key, or by table and key."""
        keys: dict[tuple[str, ...], Any] = {}
        for key, value in self._table.items():
            if key == "timeline" and not isinstance(value, str):
                with self._problems.at(self._origin_of(key)):
                    keys[key,] = _timeline_text(value)
            elif (reason := _UNSUPPORTED.get(key.replace("-", "_"))) is not None:
                self._problems.add(f"{reason}: remove {key}", self._origin_of(key))
            elif key in _TABLE_KEYS:
                continue
            elif not isinstance(value, dict):
                keys[key,] = value
            elif key in plugins.installed():
                keys.update({(key, inner): one for inner, one in value.items()})
            else:
                fix = suggestion(key, [*_TABLE_KEYS, *plugins.installed()])
                self._problems.add(f"there is no animation {key}{fix}", self._origin_of(key))
        return keys

    # -- Videos --------------------------------------------------------------------------------------------------------

    def videos(self) -> Iterator[Video]:
        """Yield every combination of covers, animations, presets, rows and sweeps."""
        if not self._texts("cover"):
            self._problems.add('it has no cover: add cover = "covers/*.jpg"', self._origin)
        for name in _UNSUPPORTED.keys() & self._source.request.values:
            self._problems.add(f"{named(name)}: {_UNSUPPORTED[name]}", self._source.requested)
        rows, presets, kinds, sweep, keys = self._rows, self._presets(), self._kinds(), self._sweep, self._keys()
        others = dict.fromkeys((name for kind in kinds.values() for name in parameters(kind)), "default")
        for row in rows:
            covers = self._covers(row)
            if not (covers and kinds):  # there will be no videos, but the keys are still checked
                every = kinds or {name: plugins.load_animation(name) for name in plugins.installed()}
                own = {"cover": "", "animation": "", "preset": ""}
                self._values(keys, row, own, every, next(iter(every)))
            count = len(rows) * len(covers) * len(kinds) * len(presets) * math.prod(map(len, sweep.values()))
            if count > MAX_VIDEOS:
                self._problems.add(f"it has {count} videos, more than {MAX_VIDEOS}: use smaller sweeps", self._origin)
                return
            origin = self._origin.with_row(row.location)
            choices = {name: _combinations(sweep, parameters(kinds[name]), others) for name in kinds}
            for cover, name, preset in itertools.product(covers, kinds, presets):
                own = {"cover": cover.stem, "animation": name, "preset": preset.name if preset else NO_PRESET}
                for swept in choices[name]:
                    all_keys = keys | {("sweep", key): value for key, value in swept.items()}
                    values = self._values(all_keys, row, own, kinds, name)
                    with self._problems.at(origin):
                        job, fields = self._video(cover, kinds[name], preset, values, {**row.fields, **own}, others)
                        telling = {*own, *row.fields, *(key.replace("-", "_") for key in sweep)}
                        yield job, origin, {key: value for key, value in fields.items() if key in telling}

    def _values(
        self, keys: Mapping[tuple[str, ...], Any], row: DataRow, own: Fields, kinds: Mapping[str, type[Animation]],
        name: str,
    ) -> dict[str, Any]:  # fmt: skip
        """Return the parameters of one video, typed; `own`: its fields, overridden by those of the row."""
        values: dict[str, Any] = {}
        fields = {**own, **row.fields}
        for (*table, key), value in keys.items():
            origin = self._value_origin(value, row, self._origin_of(*table, key))
            known = key.replace("-", "_")
            with self._problems.at(origin):
                read: dict[str, Any] = {}
                if table and table[0] != "sweep":  # a parameter in an animation's table
                    if table[0] == name:
                        read = read_parameter(kinds[name], key, _filled(value, fields, key), origin.text)
                elif known in parameters(kinds[name]):
                    read = read_parameter(kinds[name], key, _filled(value, fields, key), origin.text)
                elif not any(known in parameters(kind) for kind in kinds.values()):
                    read = read_setting(key, _filled(value, fields, key), origin.text)
                _check_files(read)
                values.update(read)
        for key, value in self._source.request.values.items():
            with self._problems.at(self._value_origin(value, row, self._source.requested)):
                filled = _filled(value, fields, key)
                _check_files({key: filled})
                values[key] = filled
        return values

    def _video(
        self, cover: CoverName, kind: type[Animation], preset: Preset | None, own: Mapping[str, Any], fields: Fields,
        others: Fields,
    ) -> tuple[VideoJob, Fields]:  # fmt: skip
        """Return the job, and the values of all fields. Raises InputError.

        `others`: values for the fields of parameters that only other animations of the table have.
        """
        values = with_preset(preset, fields["animation"], own, draft=self._source.request.draft)
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
        track = job.sound, job.path.suffix, job.target
        self._check_once(track, lambda: check_sound(job.sound, job.path, job.target))
        if isinstance(made := job.drawn_cover, MadeCover):
            from renderer.covers import open_cover

            settings_of_cover = job.match.cover_settings()
            self._check_once((made, settings_of_cover), lambda: open_cover(made, settings_of_cover))
        return job, fields

    def _check_once(self, checked: object, check: Callable[[], object]) -> None:
        """Call a check that takes long, once for what is checked. Raises InputError."""
        errors = self._source.errors
        if checked not in errors:
            errors[checked] = ""
            try:
                check()
            except InputError as error:
                errors[checked] = error.text
        if errors[checked]:
            raise InputError(errors[checked])


def _combinations(
    sweep: Mapping[str, Sequence[object]], own: Collection[str], others: Collection[str]
) -> list[dict[str, object]]:
    """Return every combination of a sweep's values, without parameters that only other animations have (`others`)."""
    used = [key for key in sweep if (known := key.replace("-", "_")) in own or known not in others]
    return [dict(zip(used, chosen, strict=True)) for chosen in itertools.product(*(sweep[key] for key in used))]


def _timeline_text(tables: object) -> str:
    """Return `[[job.timeline]]` tables as the text of a timeline. Raises InputError."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InputError('timeline must be text, or [[job.timeline]] tables with animation = "zoom" and seconds = 5')
    entries = [
        Entry(str(table.pop("animation", "")), table.pop("seconds", ""), table) for table in map(dict[str, Any], tables)
    ]
    return ", ".join(map(str, entries))


def _swept(key: str, value: object) -> list[object]:
    """Return the values of a sweep: a list, or a range of whole numbers such as "0..9", which includes both ends."""
    if isinstance(value, list) and value:
        return value
    found = re.fullmatch(r"\s*(-?\d{1,18})\s*\.\.\s*(-?\d{1,18})\s*", value) if isinstance(value, str) else None
    if found is None or int(found[2]) < int(found[1]):
        raise InputError(f'{key} = {value} is not a sweep: write "0..9", or a list of values')
    if int(found[2]) - int(found[1]) >= MAX_VIDEOS:
        raise InputError(f"{key} = {value} makes more than {MAX_VIDEOS} videos: use a smaller range")
    return list(range(int(found[1]), int(found[2]) + 1))


def _filled(value: Any, fields: Fields, key: str = "") -> Any:
    """Return a value with its {fields} replaced. Raises InputError, also for a path that leaves its folder."""
    if isinstance(value, str):
        if key == "timeline" and not value.lower().endswith(".toml"):
            _check_timeline(value, fields)
        elif key not in _FREE_TEXT:
            check_inside(value.partition("=")[2] if key == "swap" else value, fields)
        return fill(value, fields)
    if isinstance(value, Path):
        return Path(_filled(str(value), fields))
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return type(value)(_filled(each, fields, key) for each in value)
    return value


def _check_timeline(template: str, fields: Fields) -> None:
    """Raise InputError if a field makes a path of a timeline leave its folder, or splits a word into several."""
    for word in re.findall(r"(?:\{[^{}]*\}|\S)+", template):
        check_inside(word.partition("=")[2] or word, fields)
        for name in field_names(word) & fields.keys():
            if word != f"{{{name}}}" and re.search(r"\s", fields[name]):
                raise InputError(f"{name} = {fields[name]} contains a space, which a timeline does not support")


def _check_files(values: Mapping[str, Any]) -> None:
    """Raise InputError if a file or a further cover that a parameter names does not exist."""
    if covers := values.get("to"):
        from renderer.job import check_cover_name

        for cover in covers:
            check_cover_name(cover_name(cover))
    for name in _FILES:
        if (path := values.get(name)) is not None:
            require_file(expanded(path), named(name, path))


def _as_field(value: object) -> str:
    """Return a parameter's value as it appears in a file name."""
    if value is None:
        return "default"
    if isinstance(value, tuple) and all(isinstance(each, str) for each in value):
        return "+".join(Path(each).name for each in value)
    return spell(value)
