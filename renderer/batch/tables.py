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
from renderer.batch.names import fill, output_folder, output_path
from renderer.batch.problems import Problems
from renderer.batch.rows import Row, read_rows
from renderer.errors import InputError
from renderer.files import expanded
from renderer.job import VideoJob
from renderer.library import missing_file
from renderer.names import expand_glob, on_disk
from renderer.parameters import parameters, spell, suggestion
from renderer.preset import Preset, as_draft, load_preset, merged, read_parameter, read_setting
from renderer.scene import Animation
from renderer.sound import check_sound
from renderer.timeline import Show
from renderer.where import Where

MOST_VIDEOS: Final = 10_000
"""Of one table: more are a slip in a sweep."""

PLAIN: Final = "plain"
"""What {preset} is without one."""

_WORDS: Final = ("cover", "output", "preset", "animation", "rows", "sweep")

_UNWANTED: Final = {
    "save_map": "a campaign's maps are kept by themselves",
    "credits": "several videos would write one file, render mosaic --credits writes those of a cover",
}

Fields = Mapping[str, str]
Video = tuple[VideoJob, str, Fields]
"""A job, where it is written down, and what tells it from others."""


@dataclass(frozen=True)
class Asked:
    """What the command line says; it counts more than the file."""

    keys: Mapping[str, Any] = field(default_factory=dict)  # of each job: cover, preset, animation, output, rows
    values: Mapping[str, Any] = field(default_factory=dict)  # parameters by name, typed
    draft: bool = False
    command: str = "render batch"  # as it is shown where a video tells how it was made


@dataclass(frozen=True)
class Source:
    """What all tables of a campaign share."""

    where: Where
    defaults: Mapping[str, Any]
    asked: Asked
    problems: Problems
    tracks: set[object] = field(default_factory=set)  # music that was found to be good


class JobTable:
    """A table with what the defaults and the command line add to it. Its problems are noted, and it goes on."""

    def __init__(self, source: Source, number: int, own: Mapping[str, Any]) -> None:
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
            self._problems.add(f"{self._place('output')}: output is a name for files, such as out/{{cover}}")
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
            self._problems.add(f"{self._place(key)}: {key} is a text, or a list of texts")
            return []
        return list(dict.fromkeys(map(str, texts)))

    @cached_property
    def _sweep(self) -> dict[str, list[object]]:
        found: dict[str, list[object]] = {}
        sweep: object = self._table.get("sweep", {})
        if not isinstance(sweep, dict):
            self._problems.add(f"{self._place('sweep')}: sweep is a table: write [job.sweep]")
            return {}
        for key, value in sweep.items():
            with self._problems.at(self._place("sweep", key)):
                found[key] = _swept(key, value)
        return found

    def _rows(self) -> list[Row]:
        rows: object = self._table.get("rows")
        with self._problems.at(self._place("rows")):
            if rows is None:
                return [{}]
            if isinstance(rows, str | Path):
                return read_rows(Path(rows))
            self._problems.add(f"{self._place('rows')}: rows is the path of a CSV or JSON file")
        return []

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
                if name not in ("show", *plugins.installed()):
                    mend = suggestion(name, ["show", *plugins.installed()]) or ": `render animations` lists them"
                    raise InputError(f"there is no animation {name}{mend}")
                kinds[name] = Show if name == "show" else plugins.load_animation(name)
        return kinds

    def _covers(self, row: Row) -> list[Path]:
        """The files that the covers' paths and globs name; what comes from a row is a name, never a glob."""
        covers: dict[Path, None] = {}
        for pattern in self._texts("cover"):
            with self._problems.at(self._place("cover")):
                plain = on_disk(expanded(fill(pattern, row)))
                if _is_file(plain):
                    covers[plain] = None
                elif glob.has_magic(pattern):
                    wanted = Path(fill(pattern, {name: glob.escape(value) for name, value in row.items()}))
                    found = expand_glob(expanded(wanted))
                    covers.update({path: None for path in found if _is_file(path)})
                    if not found:
                        raise InputError(f"{plain} matches no file")
                else:
                    raise InputError(missing_file(plain))
        return list(covers)

    def _keys(self) -> dict[tuple[str, ...], Any]:
        """What is said of parameters: values by key, or by table and key."""
        keys: dict[tuple[str, ...], Any] = {}
        for key, value in self._table.items():
            if key == "timeline" and not isinstance(value, str):
                with self._problems.at(self._place(key)):
                    keys[key,] = _timeline_text(value)
            elif (reason := _UNWANTED.get(key.replace("-", "_"))) is not None:
                self._problems.add(f"{self._place(key)}: {reason}: leave {key} out")
            elif key in _WORDS:
                continue
            elif not isinstance(value, dict):
                keys[key,] = value
            elif key in ("show", *plugins.installed()):
                keys.update({(key, inner): one for inner, one in value.items()})
            else:
                mend = suggestion(key, [*_WORDS, *plugins.installed()])
                self._problems.add(f"{self._place(key)}: there is no animation {key}{mend}")
        return keys

    # -- What it means -------------------------------------------------------------------------------------------------

    def videos(self) -> Iterator[Video]:
        """Every combination of covers, animations, presets, rows and sweeps."""
        if not self._texts("cover"):
            self._problems.add(f'{self._here}: it names no cover: add cover = "covers/*.jpg"')
        for name in _UNWANTED.keys() & self._source.asked.values:
            self._problems.add(f"--{name.replace('_', '-')}: {_UNWANTED[name]}: leave it out")
        rows, presets, kinds, sweep, keys = self._rows(), self._presets(), self._kinds(), self._sweep, self._keys()
        others = dict.fromkeys((name for kind in kinds.values() for name in parameters(kind)), "default")
        for number, row in enumerate(rows, 1):
            covers = self._covers(row)
            if not (covers and kinds):  # nothing will be made of its keys, which may have problems too
                every = kinds or {name: plugins.load_animation(name) for name in plugins.installed()}
                named = {"cover": "", "animation": "", "preset": "", **row}
                self._values(keys, named, every, next(iter(every)))
            count = len(rows) * len(covers) * len(kinds) * len(presets) * math.prod(map(len, sweep.values()))
            if count > MOST_VIDEOS:
                self._problems.add(f"{self._here}: it makes {count} videos, more than {MOST_VIDEOS}: sweep over less")
                return
            place = f"{self._here}, row {number}" if row else self._here
            choices = {name: _combinations(sweep, parameters(kinds[name]), others) for name in kinds}
            for cover, name, preset in itertools.product(covers, kinds, presets):
                own = {"cover": cover.stem, "animation": name, "preset": preset.name if preset else PLAIN}
                for swept in choices[name]:
                    said = keys | {("sweep", key): value for key, value in swept.items()}
                    values = self._values(said, {**own, **row}, kinds, name)
                    with self._problems.at(place):
                        job, fields = self._video(cover, kinds[name], preset, values, {**row, **own}, others)
                        told = {*own, *row, *(key.replace("-", "_") for key in sweep)}
                        yield job, place, {key: value for key, value in fields.items() if key in told}

    def _values(
        self, keys: Mapping[tuple[str, ...], Any], fields: Fields, kinds: Mapping[str, type[Animation]], name: str
    ) -> dict[str, Any]:
        """The parameters of one video, typed."""
        values: dict[str, Any] = {}
        for (*table, key), value in keys.items():
            place = self._place(*table, key)
            known = key.replace("-", "_")
            with self._problems.at(place):
                if table and table[0] != "sweep":  # an animation's own
                    if table[0] == name:
                        values.update(read_parameter(kinds[name], key, _filled(value, fields), place))
                elif known in parameters(kinds[name]):
                    values.update(read_parameter(kinds[name], key, _filled(value, fields), place))
                elif not any(known in parameters(kind) for kind in kinds.values()):
                    values.update(read_setting(key, _filled(value, fields), place))
        with self._problems.at("the command line"):
            values.update({key: _filled(value, fields) for key, value in self._source.asked.values.items()})
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
        job.settled().wanted()
        if (track := (job.sound, path.suffix, job.target)) not in self._source.tracks:
            check_sound(job.sound, path, job.target)
            self._source.tracks.add(track)
        for used in (job.overlay.logo, job.overlay.font):
            if used is not None and not _is_file(expanded(used)):
                raise InputError(missing_file(used))
        return job, fields


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
    if int(found[2]) - int(found[1]) >= MOST_VIDEOS:
        raise InputError(f"{key} = {value} makes more than {MOST_VIDEOS} videos: sweep over less")
    return list(range(int(found[1]), int(found[2]) + 1))


def _filled(value: Any, fields: Fields) -> Any:
    """A value with the fields of its texts filled in. Raises InputError."""
    if isinstance(value, str):
        return fill(value, fields)
    if isinstance(value, Path):
        return Path(fill(str(value), fields))
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return type(value)(fill(each, fields) for each in value)
    return value


def _as_field(value: object) -> str:
    """A parameter's value as it stands in a name."""
    if value is None:
        return "default"
    if isinstance(value, tuple) and all(isinstance(each, str) for each in value):
        return "+".join(Path(each).name for each in value)
    return spell(value)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that can't be one
        return False
