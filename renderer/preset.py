"""Presets: named sets of options in TOML files, either included or the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Final

from renderer import plugins
from renderer.data_files import read_toml
from renderer.errors import InputError
from renderer.messages import as_key, named
from renderer.parameters import parameters, read_values, spell, suggestion
from renderer.paths import configured_folder, expanded
from renderer.rules import PlatformRules
from renderer.settings import FileSettings, MatchSettings, OutputSettings, OverlaySettings, SoundSettings
from renderer.timeline import read_timeline
from renderer.toml_positions import TomlPositions

SETTINGS: Final = (OutputSettings, FileSettings, MatchSettings, OverlaySettings, SoundSettings)
"""The settings whose parameters are top-level keys of a preset."""

_OTHER_KEYS: Final = ("description", "source", "as_of", "extends", "animation")
_MAX_PARENTS: Final = 10


@dataclass(frozen=True)
class Preset:
    """A named set of options, and the rules of the platform that it is for."""

    name: str
    path: Path
    description: str
    table: dict[str, Any]  # as written, including inherited keys
    values: dict[str, Any]  # by parameter, converted
    animation: str | None = None
    animations: dict[str, dict[str, Any]] = field(default_factory=dict)  # values of an animation's own parameters
    rules: PlatformRules | None = None

    @property
    def size(self) -> str:
        """The frame size, as text for lists; "" if the preset sets none."""
        long_side = self.values.get("long_side")
        if size := self.values.get("size"):
            return spell(size)
        return f"at most {long_side}" if long_side else ""

    @property
    def rate(self) -> str:
        """The frames per second, as text for lists; "" if the preset sets none."""
        return spell(self.values.get("fps", ""))

    def as_toml(self) -> str:
        """Return the whole preset, including inherited keys, as TOML."""
        import tomli_w

        return tomli_w.dumps(self.table)


def preset_folder() -> Path | None:
    """Return the folder of the user's own presets: MOSAIC_RENDERER_PRESETS, or one in the platform's settings folder.

    None if neither is known; the user then has no presets.
    """
    import platformdirs

    try:
        return configured_folder(
            "MOSAIC_RENDERER_PRESETS",
            lambda: platformdirs.user_config_path("mosaic-renderer", appauthor=False) / "presets",
        )
    except InputError:
        return None


def own_presets() -> dict[str, Path]:
    """Return the files of the user's own presets, by name."""
    folder = preset_folder()
    return {path.stem: path for path in sorted(folder.glob("*.toml"))} if folder else {}


def preset_files() -> dict[str, Path]:
    """Return the files of all presets, by name; the user's own presets replace included ones of the same name."""
    shipped = Path(str(resources.files("presets")))
    return {**{path.stem: path for path in sorted(shipped.glob("*.toml"))}, **own_presets()}


def load_preset(name: str) -> Preset:
    """Load a preset by its name, or by the path of its file. Raises InputError, which names file and line."""
    return _load(_find(name), 0)


def as_draft(values: dict[str, Any]) -> dict[str, Any]:
    """Return a preset's values, overridden by the preset `draft` (small and fast); the aspect ratio stays the same."""
    draft = load_preset("draft").values
    if values.get("size"):
        width, height = values["size"]
        shrink = min(1.0, draft["long_side"] / max(width, height))
        # Even sides, which most formats need.
        draft = {**draft, "size": (2 * round(width * shrink / 2), 2 * round(height * shrink / 2))}
    return {**values, **draft}


def with_preset(
    preset: Preset | None, animation: str, values: Mapping[str, object], *, draft: bool = False
) -> dict[str, Any]:
    """Return the values of a preset and of its table for an animation, overridden by `values`.

    `draft`: the preset `draft` overrides the preset's values first.
    """
    preset_values = {**preset.values, **preset.animations.get(animation, {})} if preset else {}
    return {**(as_draft(preset_values) if draft else preset_values), **values}


def _find(name: str) -> Path:
    if name.endswith(".toml"):
        return expanded(name)
    files = preset_files()
    if name not in files:
        fix = suggestion(name, files) or ": `render presets` lists all"
        raise InputError(f"there is no preset {name}{fix}")
    return files[name]


def _load(path: Path, depth: int) -> Preset:
    own, positions = read_toml(path, named("preset", path))
    table = own
    parent = own.pop("extends", None)
    if parent is not None:
        if not isinstance(parent, str) or depth >= _MAX_PARENTS:
            raise InputError(f"{positions.of('extends')}: extends must be the name of another preset, without a cycle")
        # A user's preset that extends its own name extends the included preset.
        same = Path(str(resources.files("presets"))) / f"{parent}.toml"
        if parent != path.stem and not parent.endswith(".toml") and parent not in preset_files():
            fix = suggestion(parent, preset_files())
            raise InputError(f"{positions.of('extends')}: there is no preset {parent}{fix}")
        inherited = _load(same if parent == path.stem and path != same and same.is_file() else _find(parent), depth + 1)
        table = merged(inherited.table, own)
    values: dict[str, Any] = {}
    animations: dict[str, dict[str, Any]] = {}
    rules = None
    for key, value in table.items():
        if key in _OTHER_KEYS:
            if not isinstance(value, str):
                raise InputError(f"{positions.of(key)}: {key} must be text")
        elif key == "rules":
            rules = _read(PlatformRules, value, positions, key)
        elif key == "timeline":
            if key in own:
                read_timeline(path)
            values.setdefault("timeline", str(path) if key in own else inherited.values["timeline"])
        elif isinstance(value, dict):
            if key not in plugins.installed():
                fix = suggestion(key, ["rules", *plugins.installed()])
                raise InputError(f"{positions.of(key)}: there is no animation {key}{fix}")
            animations[key] = _values(plugins.load_animation(key), value, positions, key)
        else:
            values.update(read_setting(key, value, positions.of(key)))
    animation = table.get("animation")
    if animation is not None and animation not in plugins.installed():
        fix = suggestion(str(animation), plugins.installed())
        raise InputError(f"{positions.of('animation')}: there is no animation {animation}{fix}")
    description = str(table.get("description", ""))
    return Preset(path.stem, path, description, table, values, animation, animations, rules)


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return a table overridden by the keys of another: nested tables are merged, other values replaced."""
    table = dict(below)
    for key, value in above.items():
        old = table.get(key)
        table[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return table


def read_setting(key: str, value: object, position: str) -> dict[str, Any]:
    """Return the converted value of a top-level key. Raises InputError; its message starts with the position."""
    for owner in SETTINGS:
        if key.replace("-", "_") in parameters(owner):
            return read_parameter(owner, key, value, position)
    known = [*_OTHER_KEYS, "rules", *(name for owner in SETTINGS for name in parameters(owner))]
    raise InputError(f"{position}: there is no option {key}{suggestion(key, known)}")


def read_parameter(owner: type, key: str, value: object, position: str) -> dict[str, Any]:
    """Return one parameter's value, checked by itself so that an InputError names its line."""
    read = read_values(owner, {key: value}, position)
    try:
        owner(**read)
    except InputError as error:
        raise InputError(f"{position}: {error.message(as_key)}") from None
    return read


def _values(owner: type, table: dict[str, Any], positions: TomlPositions, name: str) -> dict[str, Any]:
    """Return the values of an owner's parameters from the table `name`."""
    return {
        parameter: read
        for key, value in table.items()
        for parameter, read in read_parameter(owner, key, value, positions.of(name, key)).items()
    }


def _read(owner: type[PlatformRules], table: object, positions: TomlPositions, name: str) -> PlatformRules:
    if not isinstance(table, dict):
        raise InputError(f"{positions.of(name)}: {name} must be a table: write [{name}]")
    return owner(**_values(owner, table, positions, name))
