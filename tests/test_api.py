"""The Python API: `import renderer`."""

import inspect
import logging
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib import import_module
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from stubs import STUB, stub

import renderer
from renderer.encoder import probe
from renderer.errors import RenderError
from renderer.parameters import parameters
from renderer.pictures import Pixels
from renderer.progress import Advance, Silent

pytestmark = pytest.mark.usefixtures("shared_cache")

SMALL = {"size": (96, 64), "fps": 10, "duration": 1.0}
"""Ten frames."""


@pytest.fixture(scope="module")
def mosaic(cover: Path, photos: Path) -> renderer.Mosaic:
    return renderer.match(cover, tiles=str(photos), columns=12)


def frames_of(path: Path) -> list[Pixels]:
    """Decode an animation that Pillow reads."""
    with Image.open(path) as picture:
        found = []
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            found.append(np.asarray(picture.convert("RGB")))
        return found


# -- The package ---------------------------------------------------------------------------------------------------


def test_import_is_fast_and_lists_the_names() -> None:
    code = (
        "import renderer, sys\n"
        "assert set(renderer.__all__) <= set(dir(renderer))\n"
        "assert not {'numpy', 'cv2', 'PIL', 'moviepy', 'renderer.job'} & set(sys.modules), sorted(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert all(getattr(renderer, name).__name__ == name for name in renderer.__all__)
    assert renderer.__version__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'rendr'"):
        _ = renderer.rendr  # type: ignore[attr-defined]


def test_the_stub_is_up_to_date() -> None:
    assert STUB.read_text("utf-8") == stub(), "run `poe stubs`"


@pytest.mark.parametrize(
    "function", [renderer.match, renderer.render, renderer.frame, renderer.frames, renderer.as_clip]
)
def test_help_shows_every_option(function: Callable[..., object]) -> None:
    from renderer import api

    owners = {renderer.match: [api.MatchSettings], renderer.render: api.VIDEO_SETTINGS}.get(
        function, api.FRAME_SETTINGS
    )
    shown, text = inspect.signature(function).parameters, inspect.getdoc(function) or ""
    for owner in owners:
        for name in parameters(owner):
            assert shown[name].kind is inspect.Parameter.KEYWORD_ONLY
            assert f"\n    {name}: " in text
            assert shown[name].default == getattr(owner(), name)
    assert "**options" not in text
    for section in ("Args:", "Raises:", "Examples:"):
        assert f"\n{section}\n" in text


OLD = {
    "renderer": ["as_clip"],
    "renderer.job": [
        "EditSettings", "MatchSettings", "Summary", "VideoJob", "edit_mosaic", "render_frame", "render_mosaic",
        "render_sheet", "render_video", "render_videos",
    ],
    "renderer.settings": ["FileSettings", "OutputSettings"],
    "renderer.overlay": ["OverlaySettings"],
    "renderer.sound": ["SoundSettings"],
    "renderer.placement": ["Photo", "PlacementMap", "load_map", "save_map"],
    "renderer.errors": ["InputError", "RenderError"],
    "renderer.scene": ["Animation", "Camera", "Scene", "Sprites", "Stage", "ease", "make_sprites", "parameter"],
    "animations.reveal": ["Reveal"],
}  # fmt: skip
"""What the documentation of version 0.1.0 imports."""


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in OLD.items() for name in names])
def test_old_imports_work(module: str, name: str) -> None:
    assert getattr(import_module(module), name).__name__ == name


# -- Mosaics -------------------------------------------------------------------------------------------------------


def test_a_mosaic_has_figures_and_an_image(mosaic: renderer.Mosaic, cover: Path) -> None:
    assert len(mosaic.placement) == 12 * 8
    assert mosaic.cover == cover
    assert mosaic.recipe["cover"] == cover.name
    figures = mosaic.figures
    assert figures.delta_e is not None
    assert 0 < figures.delta_e < 30
    assert figures.delta_e_95 is not None
    assert figures.delta_e < figures.delta_e_95
    assert figures.ssim is not None
    assert 0 < figures.ssim <= 1
    assert figures.mean_gain is not None
    assert f"<renderer.Mosaic {cover.name}: 96 cells, " in repr(mosaic)
    image = mosaic.image(tile_pixels=8)
    assert (image.shape, image.dtype) == ((64, 96, 3), np.uint8)
    assert mosaic.image(width=48).shape == (32, 48, 3)
    with Image.open(cover) as picture:
        small = np.asarray(picture.convert("RGB").resize((12, 8), Image.Resampling.BOX))
    assert np.abs(small - np.asarray(Image.fromarray(image).resize((12, 8), Image.Resampling.BOX), float)).mean() < 40
    with Image.open(BytesIO(mosaic._repr_png_())) as shown:
        assert shown.size == (960, 640)


@pytest.mark.parametrize("shape", ["3:2", "hexagon", "circle"])
def test_every_function_draws_shapes_masks_and_backgrounds(
    cover: Path, photos: Path, tmp_path: Path, shape: str
) -> None:
    made = renderer.match(cover, tiles=str(photos), columns=12, tile_shape=shape, gap=0.1, mask="circle")
    assert made.placement.shape.name == shape
    made.save(tmp_path / "it.mosaic")
    again = renderer.Mosaic.load(tmp_path / "it.mosaic")
    assert again.placement.shape == made.placement.shape
    white, red = (again.image(width=120, background=name) for name in ("white", "#f00"))
    clear, soft = again.image(width=120, background="transparent"), again.image(width=120, background="blur")
    assert (made.image(width=120) == white).all()
    assert clear.shape == (*white.shape[:2], 4)
    assert (white[clear[..., 3] == 0] == 255).all()
    assert (red[clear[..., 3] == 0] == (255, 0, 0)).all()
    assert (red[clear[..., 3] == 255] == white[clear[..., 3] == 255]).all()
    assert soft[clear[..., 3] == 0].std() > 1
    assert 0.1 < (clear[..., 3] == 0).mean() < 0.8
    with Image.open(BytesIO(again._repr_png_())) as shown:
        assert shown.mode == "RGBA"
    drawn = renderer.frame(again, "gather", at=99 / 30, size=(120, 80), duration=3.4, transparent=True)
    assert drawn.shape == (80, 120, 4)
    assert drawn[30:50, 50:70, 3].max() == 255
    summary = renderer.render(again, "gather", tmp_path / "it.gif", duration=0.6, size=(60, 40), background="white")
    assert summary.frames
    with pytest.raises(renderer.InputError, match="background="):
        again.image(background="nothing")


def test_figures_that_were_not_measured_are_none(mosaic: renderer.Mosaic) -> None:
    bare = renderer.Mosaic(replace(mosaic.placement, recipe={"figures": {"ssim": "high"}}))
    assert bare.figures == renderer.MosaicFigures()


def test_a_saved_mosaic_renders_the_same(mosaic: renderer.Mosaic, tmp_path: Path) -> None:
    path = tmp_path / "cover.mosaic"
    mosaic.save(str(path))
    expected = renderer.frame(mosaic, "zoom", at=0.5, **SMALL)
    for source in (renderer.Mosaic.load(path), path, str(path), mosaic.placement, pickle.loads(pickle.dumps(mosaic))):
        assert (renderer.frame(source, "zoom", at=0.5, **SMALL) == expected).all()
    before = path.read_bytes()
    with pytest.raises(renderer.InputError, match="exists"):
        mosaic.save(path)
    assert path.read_bytes() == before
    mosaic.save(path, overwrite=True)
    with pytest.raises(renderer.InputError, match=r"ends in \.mosaic"):
        mosaic.save(tmp_path / "cover.png")
    assert list(tmp_path.iterdir()) == [path]


def test_a_loaded_mosaic_finds_its_cover(photos: Path, tmp_path: Path) -> None:
    copy = tmp_path / "cover.jpg"
    copy.write_bytes(sorted(photos.glob("*.jpg"))[0].read_bytes())
    made = renderer.match(copy, tiles=str(photos), columns=6)
    made.save(tmp_path / "cover.mosaic")
    loaded = renderer.Mosaic.load(tmp_path / "cover.mosaic")
    assert loaded.cover == copy
    plain = renderer.frame(loaded, renderer.Reveal(start="cover"), at=0, **SMALL)
    assert plain.std() > 5
    copy.write_bytes(sorted(photos.glob("*.jpg"))[1].read_bytes())
    with pytest.raises(renderer.InputError, match=r"The cover cover\.jpg was not found"):
        renderer.frame(made, renderer.Reveal(start="cover"), at=0, **SMALL)


def test_match_writes_the_map_and_refuses_to_overwrite(cover: Path, photos: Path, tmp_path: Path) -> None:
    path = tmp_path / "map.mosaic"
    renderer.match(cover, tiles=str(photos), columns=6, save_map=str(path))
    before = path.read_bytes()
    with pytest.raises(renderer.InputError, match="exists"):
        renderer.match(cover, tiles=str(photos), columns=7, save_map=str(path))
    assert path.read_bytes() == before
    renderer.match(cover, tiles=str(photos), columns=7, save_map=path, overwrite=True)
    assert renderer.Mosaic.load(path).placement.size[0] == 7


# -- Videos and frames ---------------------------------------------------------------------------------------------


def test_the_documented_example_works(
    cover: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mosaic = renderer.match(str(cover), tiles=str(photos), max_uses=4, columns=12)
    assert mosaic.placement.uses().max() <= 4
    summary = renderer.render(mosaic, "zoom", "out.mp4", **{**SMALL, "size": (54, 96)}, direction="inout")
    found = probe(tmp_path / "out.mp4")
    assert (found.width, found.height, found.frames) == (54, 96, 10)
    assert isinstance(summary, renderer.Summary)
    assert (summary.output, summary.size, summary.frames) == (Path("out.mp4"), (54, 96), 10)
    assert summary.seconds["total"] > 0
    renderer.render(str(cover), renderer.Reveal(order="hue"), "out.gif", tiles=str(photos), columns=12, **SMALL)
    assert len(frames_of(tmp_path / "out.gif")) > 5
    frame = renderer.frame(mosaic, "zoom", at=0.35, **SMALL)
    drawn = []
    for each in renderer.frames(mosaic, "zoom", **SMALL):
        drawn.append(each)  # noqa: PERF402 (the loop of the example)
    assert len(drawn) == 10
    assert (drawn[3] == frame).all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.gif", "out.mp4"]


@pytest.mark.filterwarnings("ignore::SyntaxWarning")  # MoviePy's
def test_a_clip_has_the_same_frames(mosaic: renderer.Mosaic) -> None:
    with renderer.as_clip(mosaic, "zoom", direction="out", **SMALL) as clip:
        expected = renderer.frame(mosaic, "zoom", at=0.35, direction="out", **SMALL)
        assert (clip.get_frame(0.35) == expected).all()
    with pytest.raises(renderer.InputError, match="A transparent background is not possible for a MoviePy clip"):
        renderer.as_clip(mosaic, "zoom", transparent=True)


def test_frames_are_those_of_a_lossless_video(mosaic: renderer.Mosaic, tmp_path: Path) -> None:
    renderer.render(mosaic, "disperse", tmp_path / "out.png", format="apng", seed=3, **SMALL)
    written = frames_of(tmp_path / "out.png")
    drawn = list(renderer.frames(mosaic, "disperse", seed=3, **SMALL))
    assert [frame.shape for frame in drawn] == [(64, 96, 3)] * 10
    assert len({id(frame) for frame in drawn}) == 10
    assert (np.stack(written) == np.stack(drawn)).all()
    assert (renderer.frame(mosaic, "disperse", at=0.7, seed=3, **SMALL) == drawn[7]).all()
    part = list(renderer.frames(mosaic, renderer.Disperse(), frames="2-4", seed=3, **SMALL))
    assert (np.stack(part) == np.stack(drawn[2:5])).all()
    renderer.render(mosaic, "disperse", tmp_path / "part-%02d.png", frames="2-4", seed=3, **SMALL)
    assert (frames_of(tmp_path / "part-03.png")[0] == drawn[3]).all()


def test_a_transparent_frame_has_alpha(mosaic: renderer.Mosaic) -> None:
    frame = renderer.frame(mosaic, "disperse", at=1, transparent=True, **SMALL)
    assert frame.shape == (64, 96, 4)
    assert (frame[..., 3] == 0).all()


def test_options_have_the_effect_of_the_command_line(
    mosaic: renderer.Mosaic, tmp_path: Path, render: Callable[..., tuple[int, str, str]]
) -> None:
    mosaic.save(tmp_path / "cover.mosaic")
    words = ["--size", "96x64", "--fps", "10", "--duration", "1", "--title", "Hello", "--direction", "out"]
    code, _, err = render(
        "still", "zoom", tmp_path / "cover.mosaic", "--at", "0.5", *words, "-o", tmp_path / "still.png"
    )
    assert code == 0, err
    frame = renderer.frame(mosaic, "zoom", at=0.5, title="Hello", direction="out", **SMALL)
    assert (frames_of(tmp_path / "still.png")[0] == frame).all()
    assert (frame != renderer.frame(mosaic, "zoom", at=0.5, direction="out", **SMALL)).any()


def test_presets_and_drafts_set_options(mosaic: renderer.Mosaic, tmp_path: Path) -> None:
    summary = renderer.render(mosaic, "zoom", tmp_path / "a.mp4", preset="instagram-reel", draft=True, duration=3.0)
    assert (summary.size[0] / summary.size[1], summary.preset) == (9 / 16, "instagram-reel")
    assert max(summary.size) < 1920
    assert summary.checks
    own = tmp_path / "own.toml"
    own.write_text('size = "64x96"\ncolumns = 5\nduration = 1.0\n[zoom]\ndirection = "out"\n', "utf-8")
    expected = renderer.frame(mosaic, "zoom", at=0, direction="out", size=(64, 96), duration=1.0)
    assert (renderer.frame(mosaic, "zoom", at=0, preset=own) == expected).all()
    assert renderer.frame(mosaic, "zoom", at=0, preset=own, size=(32, 32)).shape == (32, 32, 3)
    with pytest.raises(renderer.InputError, match="instagram-reel"):
        renderer.frame(mosaic, "zoom", at=0, preset="instagram-rel")


# -- Errors --------------------------------------------------------------------------------------------------------

WRONG = [
    ({"directon": "in"}, r"zoom has no parameter directon=: did you mean direction"),
    ({"siez": (96, 64)}, r"zoom has no parameter siez=: did you mean size"),
    ({"columns": 12}, r"columns= has no effect on a mosaic that is already matched"),
    ({"codec": "mp3"}, r"codec=mp3 is not"),
    ({"direction": "sideways"}, r"direction=sideways is not"),
    ({"size": "3y"}, r"size=3y is not"),
    ({"size": (96, 64.5)}, r"size="),
    ({"duration": -1}, r"duration=-1 is out of range"),
    ({"duration": "long"}, r"duration="),
    ({"music_start": 1.0}, r"music"),
    ({"frames": 3}, r"frames= must be"),
    ({"frames": "8-12"}, r"frames=8-12 is outside"),
    ({"progress": 3}, r"progress= must be a function"),
    ({"preset": "tiktk"}, r"did you mean tiktok"),
    ({"title_time": (4, 5), "title": "Hello"}, r"title_time"),
]


@pytest.mark.parametrize(("options", "message"), WRONG, ids=[next(iter(options)) for options, _ in WRONG])
def test_a_wrong_value_is_an_input_error(
    mosaic: renderer.Mosaic, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(renderer.InputError, match=message):
        renderer.render(mosaic, "zoom", tmp_path / "out.mp4", **{**SMALL, **options})
    assert not list(tmp_path.iterdir())


def test_wrong_arguments_are_input_errors(mosaic: renderer.Mosaic, cover: Path, tmp_path: Path) -> None:
    for call, message in [
        (lambda: renderer.match(None), "cover= must be a path"),  # type: ignore[arg-type]
        (lambda: renderer.match("missing.jpg"), "missing.jpg"),
        (lambda: renderer.match(cover, max_use=4), "match has no parameter max_use=: did you mean max_uses"),  # type: ignore[call-arg]
        (
            lambda: renderer.match(cover, fill="red"),
            r"fill=red has no effect on .*\.jpg: use it with a cover text:WORDS",
        ),
        (lambda: renderer.frame(cover, "zoom", at=0, fill="red"), "fill=red has no effect on"),
        (lambda: renderer.match(cover, mask_threshold=0.3), r"mask_threshold=0\.3 has no effect on .*\.jpg, which is"),
        (lambda: renderer.frame(cover, "zoom", at=0, mask_threshold=0.3), r"mask_threshold=0\.3 has no effect on"),
        (lambda: renderer.match(tmp_path / "a.mosaic"), "already matched: read it with renderer.Mosaic.load"),
        (lambda: renderer.frame(None, "zoom", at=0), "source= must be"),  # type: ignore[arg-type]
        (lambda: renderer.frame(mosaic, "zom", at=0), r"no animation (named )?zom\b"),
        (lambda: renderer.frame(mosaic, renderer.Zoom, at=0), "animation= must be"),  # type: ignore[arg-type]
        (lambda: renderer.frame(mosaic, renderer.Zoom(), at=0, direction="out"), r"use Zoom\(direction=...\)"),
        (lambda: renderer.frame(mosaic, "zoom", at="1"), "at= must be a number"),  # type: ignore[arg-type]
        (lambda: renderer.frame(mosaic, "zoom", at=99, duration=1.0), "at=99"),
        (lambda: renderer.frame(mosaic, "zoom", at=0, codec="h264"), "zoom has no parameter codec="),
        (lambda: renderer.frames(mosaic, "zoom", duration=99999.0), "duration"),  # before the first frame
        (lambda: renderer.render(mosaic, "zoom", 3), "output= must be a path"),  # type: ignore[arg-type]
        (lambda: renderer.render(mosaic, "zoom", tmp_path / "out.xyz"), "out.xyz"),
        (lambda: mosaic.image(width=0), "width=0 is not"),
        (lambda: mosaic.image(width=10, tile_pixels=3), "use one of them"),
    ]:
        with pytest.raises(renderer.InputError, match=message):
            call()
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_not_overwritten(mosaic: renderer.Mosaic, tmp_path: Path) -> None:
    path = tmp_path / "out.gif"
    path.write_bytes(b"precious")
    with pytest.raises(renderer.InputError, match="exists"):
        renderer.render(mosaic, "zoom", path, **SMALL)
    assert path.read_bytes() == b"precious"
    renderer.render(mosaic, "zoom", path, overwrite=True, **SMALL)
    assert len(frames_of(path)) > 5


def test_a_photo_or_the_cover_is_never_the_output(mosaic: renderer.Mosaic) -> None:
    photo = mosaic.placement.photos[0].path
    before = photo.read_bytes()
    with pytest.raises(renderer.InputError):
        renderer.render(mosaic, "zoom", photo, format="apng", overwrite=True, **SMALL)
    assert photo.read_bytes() == before


# -- Progress, cancellation, threads -------------------------------------------------------------------------------


@pytest.mark.usefixtures("own_cache")
def test_progress_is_reported_to_a_function(cover: Path, photos: Path, tmp_path: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    renderer.render(
        cover, "zoom", tmp_path / "out.mp4", tiles=str(photos), columns=9,
        progress=lambda stage, done, total: calls.append((stage, done, total)), **SMALL,
    )  # fmt: skip
    assert list(dict.fromkeys(stage for stage, _, _ in calls)) == ["indexing", "matching", "rendering"]
    assert [call for call in calls if call[0] == "rendering"] == [("rendering", done, 10) for done in range(11)]
    assert calls[0] == ("indexing", 0, 60)


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("stage", ["indexing", "matching", "rendering"])
def test_work_can_be_cancelled(cover: Path, photos: Path, tmp_path: Path, stage: str) -> None:
    def cancel(name: str, done: int, _total: int) -> None:
        if name == stage and done:
            raise renderer.Cancelled

    before = threading.active_count()
    path = tmp_path / "out.mp4"
    with pytest.raises(renderer.Cancelled, match="cancelled"):
        renderer.render(cover, "zoom", path, tiles=str(photos), columns=8, poster=True, progress=cancel, **SMALL)
    assert not list(tmp_path.iterdir())
    assert threading.active_count() == before
    assert issubclass(renderer.Cancelled, RenderError)


def test_a_closed_generator_ends_its_threads(mosaic: renderer.Mosaic) -> None:
    before = threading.active_count()
    drawn = renderer.frames(mosaic, "zoom", **SMALL)
    first = next(drawn)
    assert threading.active_count() > before
    drawn.close()
    assert threading.active_count() == before
    assert first.shape == (64, 96, 3)


class Recorder(Silent):
    """Progress as an object of the protocol."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.notices: list[str] = []

    def stage(self, name: str, total: int, unit: str) -> AbstractContextManager[Advance]:
        self.stages.append(name)
        return super().stage(name, total, unit)

    def notice(self, message: str) -> None:
        self.notices.append(message)


@pytest.mark.usefixtures("own_cache")
def test_notices_go_to_the_log_or_to_an_object(cover: Path, photos: Path, caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder()
    renderer.match(cover, tiles=str(photos), columns=6, skip_duplicates=True, progress=recorder)
    assert "matching" in recorder.stages
    assert any("near-duplicates" in notice for notice in recorder.notices)
    with caplog.at_level(logging.INFO, "renderer"):
        renderer.match(cover, tiles=str(photos), columns=6, skip_duplicates=True)
    assert any("near-duplicates" in record.message and record.levelno == logging.INFO for record in caplog.records)


def test_frames_are_drawn_in_other_threads(mosaic: renderer.Mosaic) -> None:
    times = [0.0, 0.3, 0.6, 0.9]
    with ThreadPoolExecutor(2) as pool:
        drawn = list(pool.map(lambda at: renderer.frame(mosaic, "zoom", at=at, **SMALL), times))
    for at, frame in zip(times, drawn, strict=True):
        assert (frame == renderer.frame(mosaic, "zoom", at=at, **SMALL)).all()
