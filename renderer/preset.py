"""Presets: options that belong together, as TOML files that come with the program or are the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Final

import platformdirs
import tomli_w

from renderer import plugins
from renderer.data_files import read_toml
from renderer.errors import InputError
from renderer.job import MatchSettings
from renderer.messages import named
from renderer.overlay import OverlaySettings
from renderer.parameters import parameters, read_values, spell, suggestion
from renderer.paths import configured_folder, expanded
from renderer.rules import PlatformRules
from renderer.settings import FileSettings, OutputSettings
from renderer.sound import SoundSettings
from renderer.timeline import read_timeline
from renderer.toml_positions import TomlPositions

SETTINGS: Final = (OutputSettings, FileSettings, MatchSettings, OverlaySettings, SoundSettings)
"""Whose parameters are keys at the top of a preset."""

_WORDS: Final = ("description", "source", "as_of", "extends", "animation")
_MAX_PARENTS: Final = 10


@dataclass(frozen=True)
class Preset:
    """Options by their names, and what the place that they are for asks of a file."""

    name: str
    path: Path
    description: str
    table: dict[str, Any]  # as it is written, with what it inherits
    values: dict[str, Any]  # by parameter, typed
    animation: str | None = None
    animations: dict[str, dict[str, Any]] = field(default_factory=dict)  # values of an animation's own parameters
    rules: PlatformRules | None = None

    @property
    def size(self) -> str:
        """The size that it gives, as lists tell it; "" if it gives none."""
        longest = self.values.get("long_side")
        if size := self.values.get("size"):
            return spell(size)
        return f"{longest} at most" if longest else ""

    @property
    def rate(self) -> str:
        """Its frames a second, as lists tell them; "" if it gives none."""
        return spell(self.values.get("fps", ""))

    def as_toml(self) -> str:
        """The whole preset, with what it inherits, to copy."""
        return tomli_w.dumps(self.table)


def preset_folder() -> Path | None:
    """Where the user's own presets are: MOSAIC_RENDERER_PRESETS, or a folder of the platform's for settings.

    None where neither is known: there are none then.
    """
    try:
        return configured_folder(
            "MOSAIC_RENDERER_PRESETS",
            lambda: platformdirs.user_config_path("mosaic-renderer", appauthor=False) / "presets",
        )
    except InputError:
        return None


def own_presets() -> dict[str, Path]:
    """The user's own presets by name."""
    folder = preset_folder()
    return {path.stem: path for path in sorted(folder.glob("*.toml"))} if folder else {}


def preset_files() -> dict[str, Path]:
    """All presets by name: the user's own, and those that come with the program where no own one has their name."""
    shipped = Path(str(resources.files("presets")))
    return {**{path.stem: path for path in sorted(shipped.glob("*.toml"))}, **own_presets()}


def load_preset(name: str) -> Preset:
    """A preset by its name, or by the path of its file. Raises InputError, which names file and line."""
    return _load(_find(name), 0)


def as_draft(values: dict[str, Any]) -> dict[str, Any]:
    """A preset's values made small and fast, in its own shape, as the preset draft says."""
    draft = load_preset("draft").values
    if values.get("size"):
        width, height = values["size"]
        shrink = min(1.0, draft["long_side"] / max(width, height))
        # Even sides, as most formats need them.
        draft = {**draft, "size": (2 * round(width * shrink / 2), 2 * round(height * shrink / 2))}
    return {**values, **draft}


def with_preset(
    preset: Preset | None, animation: str, values: Mapping[str, object], *, draft: bool = False
) -> dict[str, Any]:
    """Return the values of a preset and of its table for an animation, replaced by `values` where those have a key.

    `draft`: the preset's values are made small and fast first.
    """
    preset_values = {**preset.values, **preset.animations.get(animation, {})} if preset else {}
    return {**(as_draft(preset_values) if draft else preset_values), **values}


def _find(name: str) -> Path:
    if name.endswith(".toml"):
        return expanded(name)
    files = preset_files()
    if name not in files:
        fix = suggestion(name, files) or ": `render presets` lists them"
        raise InputError(f"there is no preset named {name}{fix}")
    return files[name]


def _load(path: Path, depth: int) -> Preset:
    own, where = read_toml(path, named("preset", path))
    table = own
    parent = own.pop("extends", None)
    if parent is not None:
        if not isinstance(parent, str) or depth >= _MAX_PARENTS:
            raise InputError(f"{where.of('extends')}: extends is the name of another preset, and no circle of them")
        # A user's draft that extends draft means the one that comes with the program.
        same = Path(str(resources.files("presets"))) / f"{parent}.toml"
        if parent != path.stem and not parent.endswith(".toml") and parent not in preset_files():
            fix = suggestion(parent, preset_files())
            raise InputError(f"{where.of('extends')}: there is no preset named {parent}{fix}")
        inherited = _load(same if parent == path.stem and path != same and same.is_file() else _find(parent), depth + 1)
        table = merged(inherited.table, own)
    values: dict[str, Any] = {}
    animations: dict[str, dict[str, Any]] = {}
    rules = None
    for key, value in table.items():
        if key in _WORDS:
            if not isinstance(value, str):
                raise InputError(f"{where.of(key)}: {key} is a text")
        elif key == "rules":
            rules = _read(PlatformRules, value, where, key)
        elif key == "timeline":
            if key in own:
                read_timeline(path)
            values.setdefault("timeline", str(path) if key in own else inherited.values["timeline"])
        elif isinstance(value, dict):
            if key not in plugins.installed():
                fix = suggestion(key, ["rules", *plugins.installed()])
                raise InputError(f"{where.of(key)}: there is no animation {key}{fix}")
            animations[key] = _values(plugins.load_animation(key), value, where, key)
        else:
            values.update(read_setting(key, value, where.of(key)))
    animation = table.get("animation")
    if animation is not None and animation not in plugins.installed():
        fix = suggestion(str(animation), plugins.installed())
        raise InputError(f"{where.of('animation')}: there is no animation {animation}{fix}")
    description = str(table.get("description", ""))
    return Preset(path.stem, path, description, table, values, animation, animations, rules)


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """A table over another: tables within are merged, all else is replaced."""
    table = dict(below)
    for key, value in above.items():
        under = table.get(key)
        table[key] = merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return table


def read_setting(key: str, value: object, place: str) -> dict[str, Any]:
    """The value of a key at the top of a preset, typed. Raises InputError, whose message begins with the place."""
    for owner in SETTINGS:
        if key.replace("-", "_") in parameters(owner):
            return read_parameter(owner, key, value, place)
    known = [*_WORDS, "rules", *(name for owner in SETTINGS for name in parameters(owner))]
    raise InputError(f"{place}: there is no option {key}{suggestion(key, known)}")


def read_parameter(owner: type, key: str, value: object, place: str) -> dict[str, Any]:
    """One parameter's value, read and tried alone, so that a message has its line. Raises InputError."""
    try:
        read = read_values(owner, {key: value}, place)
        owner(**read)
    except InputError as error:
        raise InputError(error.text if error.text.startswith(place) else f"{place}: {error.text}") from None
    return read


def _values(owner: type, table: dict[str, Any], where: TomlPositions, name: str) -> dict[str, Any]:
    """Values of an owner's parameters, from the table of a name."""
    return {
        parameter: read
        for key, value in table.items()
        for parameter, read in read_parameter(owner, key, value, where.of(name, key)).items()
    }


def _read(owner: type[PlatformRules], table: object, where: TomlPositions, name: str) -> PlatformRules:
    if not isinstance(table, dict):
        raise InputError(f"{where.of(name)}: {name} is a table: write [{name}]")
    return owner(**_values(owner, table, where, name))
