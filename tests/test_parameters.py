"""Declared parameters: what each settings class accepts from Python, and what it refuses."""

import typing
from dataclasses import dataclass, fields
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from animations.disperse import Disperse, Gather
from animations.reveal import Reveal
from animations.zoom import Zoom
from renderer.errors import InputError
from renderer.job import EditSettings, GridSettings, MatchSettings, TileSettings, VideoJob
from renderer.parameters import ByteSize, CellPosition, Day, Validated, parameter, parameters, read_values
from renderer.rules import PlatformRules
from renderer.scene import Animation, Motion, Stage
from renderer.settings import (
    CellSettings,
    ClipSettings,
    FigureSettings,
    FileSettings,
    OutputSettings,
    OverlaySettings,
    SoundSettings,
)
from renderer.timeline import Show


@dataclass(frozen=True)
class Tilt(Animation):
    """An animation of another package."""

    angle: float = parameter(3, "Angle", unit="degrees", low=0, high=45)
    steps: int = parameter(2, "Number of steps", low=1)
    style: Literal["soft", "hard"] = parameter("soft", "How it moves")
    labels: tuple[str, ...] = parameter((), "Labels")
    tuning: dict[str, int] | None = None  # not declared, and of no type that is checked

    def prepare(self, stage: Stage) -> Motion:
        return lambda _progress: stage.scene(stage.whole_camera())


OWNERS: list[type[Any]] = [
    TileSettings, GridSettings, MatchSettings, OutputSettings, FileSettings, OverlaySettings, SoundSettings, EditSettings,
    PlatformRules, FigureSettings, CellSettings, ClipSettings, Zoom, Reveal, Disperse, Gather, Show, Tilt,
]  # fmt: skip

DECLARED = [(owner, name) for owner in OWNERS for name in parameters(owner)]


@pytest.mark.parametrize("owner", OWNERS)
def test_every_class_of_parameters_checks_its_values(owner: type[Any]) -> None:
    assert issubclass(owner, Validated)
    made = owner()
    for name in parameters(owner):
        owner(**{name: getattr(made, name)})


@pytest.mark.parametrize(("owner", "name"), DECLARED)
def test_every_parameter_refuses_a_wrong_type(owner: type[Any], name: str) -> None:
    optional = type(None) in typing.get_args(typing.get_type_hints(owner)[name])
    for wrong in (object(), 1j, {"a": 1}, *([] if optional else [None])):
        with pytest.raises(InputError) as caught:
            owner(**{name: wrong})
        assert str(caught.value).startswith(f"{name}=")


@pytest.mark.parametrize(("owner", "name"), DECLARED)
def test_every_parameter_refuses_numbers_out_of_its_range(owner: type[Any], name: str) -> None:
    info = parameters(owner)[name]
    default = next(each.default for each in fields(owner) if each.name == name)
    hint = str(typing.get_type_hints(owner)[name])
    count = 4 if hint.count("float") == 4 else 2 if "tuple" in hint else 1
    for bound, step in ((info.low, -1), (info.high, 1)):
        if not np.isfinite(bound):
            continue
        number = int(bound) + step if "int" in hint or "ByteSize" in hint else bound + step
        with pytest.raises(InputError, match=f"^{name}=.* is out of range: it must be"):
            owner(**{name: number if count == 1 else (number,) * count})
    assert default is None or owner(**{name: default}) == owner()


@pytest.mark.parametrize(
    ("owner", "values", "message"),
    [
        (MatchSettings, {"match": "strcture"}, "match=strcture is not one of structure, mean, lab, pixels: did you mean structure?"),
        (MatchSettings, {"columns": "12"}, "columns='12' is not a whole number"),
        (MatchSettings, {"columns": 2.5}, "columns=2.5 is not a whole number"),
        (MatchSettings, {"columns": True}, "columns=True is not a whole number"),
        (MatchSettings, {"columns": 0}, "columns=0 is out of range: it must be from 1 to 10000"),
        (MatchSettings, {"cell_size": 0}, "cell_size=0 is out of range: it must be from 1 to 10000 cover pixels"),
        (MatchSettings, {"mirror": None}, "mirror=None is not true or false"),
        (MatchSettings, {"mirror": 1}, "mirror=1 is not true or false"),
        (MatchSettings, {"tone": "0.5"}, "tone=0.5 is not a number or auto"),
        (MatchSettings, {"tone": "aut"}, "tone=aut is not a number or auto: did you mean auto?"),
        (MatchSettings, {"blend": float("nan")}, "blend=nan is out of range: it must be from 0 to 1"),
        (MatchSettings, {"tiles": ["photos", 3]}, "tiles=['photos', 3] is not a list, each item text"),
        (MatchSettings, {"since": "2024-13"}, "since=2024-13 is not a date: give one such as 2024-05-31, 2024-05 or 2024"),
        (OutputSettings, {"size": (640.5, 360)}, "size=640.5,360 is not a size: give two whole numbers, such as 1080x1920"),
        (OutputSettings, {"size": 640}, "size=640 is not a size: give two whole numbers, such as 1080x1920"),
        (OutputSettings, {"size": (8, 640)}, "size=8 is out of range: it must be from 16 to 8192"),
        (OutputSettings, {"background": (255, 0, 0)}, "background=255,0,0 is not a colour: give a name such as navy, #rrggbb or rgb(r, g, b)"),
        (OutputSettings, {"fps": Fraction(1000)}, "fps=1000 is out of range: it must be from 1 to 240 frames per second"),
        (OutputSettings, {"fps": True}, "fps=True is not a frame rate: give one such as 30, 29.97 or 30000/1001"),
        (OutputSettings, {"covered": (0.5, 0, 0.5, 0)}, "covered=0.5,0,0.5,0 leaves too little of the frame free: use smaller fractions"),
        (OutputSettings, {"transparent": True, "fit": "blur"}, "A transparent background cannot be combined with fit=blur: choose one of them"),
        (FileSettings, {"max_size": "large"}, "max_size=large is not a file size: give one such as 20MB or 800KB"),
        (FileSettings, {"max_size": 5}, "max_size=5 is out of range: it must be from 1000 to 1e+15"),
        (FileSettings, {"max_size": "2000000GB"}, "max_size=2e+15 is out of range: it must be from 1000 to 1e+15"),
        (SoundSettings, {"music": 3}, "music=3 is not a path"),
        (SoundSettings, {"music_bitrate": 193}, "music_bitrate=193 is not one of 192, 384"),
        (OverlaySettings, {"title": 3}, "title=3 is not text"),
        (OverlaySettings, {"title_time": (2, 1)}, "title_time=2,1 ends before it starts: give START,END in seconds"),
        (CellSettings, {"cell": (1.5, 2)}, "cell=1.5,2 is not a cell: give COLUMN,ROW, counted from 0, such as 31,12"),
        (Zoom, {"direction": "sideways"}, "direction=sideways is not one of in, out, inout"),
        (Tilt, {"angle": 50}, "angle=50 is out of range: it must be from 0 to 45 degrees"),
        (Tilt, {"steps": 0}, "steps=0 is out of range: it must be at least 1"),
        (Tilt, {"style": "sof"}, "style=sof is not one of soft, hard: did you mean soft?"),
        (Tilt, {"reverse": "yes"}, "reverse='yes' is not true or false"),
        (MatchSettings, {"match": "x" * 200}, f"match={'x' * 99}… is not one of structure, mean, lab, pixels"),
    ],
)  # fmt: skip
def test_a_wrong_value_raises_on_construction(owner: type[Any], values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        owner(**values)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("owner", "name", "value", "stored"),
    [
        (MatchSettings, "tiles", "photos", ("photos",)),
        (MatchSettings, "tiles", Path("photos"), ("photos",)),
        (MatchSettings, "tiles", ["a", Path("b")], ("a", "b")),
        (MatchSettings, "save_map", "it.mosaic", Path("it.mosaic")),
        (MatchSettings, "tone", 1, 1.0),
        (MatchSettings, "columns", np.int64(60), 60),
        (MatchSettings, "smallest_cell", 1, "1"),
        (MatchSettings, "since", "2024-05", Day("2024-05")),
        (MatchSettings, "since", date(2024, 5, 31), Day("2024-05-31")),
        (MatchSettings, "since", 2024, Day("2024")),
        (OutputSettings, "size", "640x360", (640, 360)),
        (OutputSettings, "size", [640, 360], (640, 360)),
        (OutputSettings, "background", "navy", (0.0, 0.0, 128 / 255)),
        (OutputSettings, "background", "#ff0000", (1.0, 0.0, 0.0)),
        (OutputSettings, "background", (1, 0, 0), (1.0, 0.0, 0.0)),
        (OutputSettings, "fps", 25, Fraction(25)),
        (OutputSettings, "fps", 29.97, Fraction(30000, 1001)),
        (OutputSettings, "fps", "24000/1001", Fraction(24000, 1001)),
        (OutputSettings, "duration", Fraction(5, 2), 2.5),
        (OutputSettings, "motion_blur", np.float32(0.5), 0.5),
        (OutputSettings, "subject", "0.4,0.3", (0.4, 0.3)),
        (OutputSettings, "covered", [0, 0, 0.25, 0], (0.0, 0.0, 0.25, 0.0)),
        (FileSettings, "max_size", "20MB", ByteSize(20_000_000)),
        (FileSettings, "max_size", 20_000_000, ByteSize(20_000_000)),
        (SoundSettings, "music_bitrate", "384", 384),
        (OverlaySettings, "title_time", (1, 2), (1.0, 2.0)),
        (CellSettings, "cell", (31, 12), CellPosition(31, 12)),
        (EditSettings, "ban", "it.jpg", ("it.jpg",)),
        (Zoom, "focus", "0.4,0.3", ("0.4,0.3",)),
        (Tilt, "labels", ["a"], ("a",)),
        (Tilt, "angle", 7, 7.0),
        (Tilt, "tuning", {"a": 1}, {"a": 1}),
    ],
)  # fmt: skip
def test_a_value_is_stored_as_its_declared_type(owner: type[Any], name: str, value: object, stored: object) -> None:
    found = getattr(owner(**{name: value}), name)
    assert (found, type(found)) == (stored, type(stored))
    if isinstance(stored, tuple):
        assert list(map(type, found)) == list(map(type, stored))


def test_a_default_is_converted_too() -> None:
    assert isinstance(Tilt().angle, float)


def test_equal_values_make_equal_settings() -> None:
    assert MatchSettings(tiles="photos", tone=1) == MatchSettings(tiles=("photos",), tone=1.0)  # type: ignore[arg-type]


def test_a_video_job_takes_paths_as_text_and_refuses_other_types() -> None:
    job = VideoJob("cover.jpg", Zoom(), "out.mp4")  # type: ignore[arg-type]  # text stands for a path
    assert (job.cover, job.path, job.target.format.name) == (Path("cover.jpg"), Path("out.mp4"), "mp4")
    with pytest.raises(InputError, match=r"^animation='zoom' is not an Animation$"):
        VideoJob(Path("cover.jpg"), "zoom", Path("out.mp4"))  # type: ignore[arg-type]  # what is refused
    with pytest.raises(InputError, match=r"^match=OutputSettings\(.*… is not a MatchSettings$"):
        VideoJob(Path("cover.jpg"), Zoom(), Path("out.mp4"), OutputSettings())  # type: ignore[arg-type]


def test_an_unknown_parameter_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'colums'"):
        MatchSettings(colums=3)  # type: ignore[call-arg]


def test_files_may_write_numbers_and_flags_as_text() -> None:
    read = read_values(Tilt, {"angle": "7", "steps": 3.0, "reverse": "yes", "labels": 5}, "tilt.toml, line 1")
    assert read == {"angle": 7.0, "steps": 3, "reverse": True, "labels": ("5",)}
    with pytest.raises(InputError, match=r"^tilt.toml, line 1: steps = 2\.5 is not a whole number$"):
        read_values(Tilt, {"steps": 2.5}, "tilt.toml, line 1")
