"""The commands that render: a video, a frame and a contact sheet of each animation, and the whole mosaic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from renderer import plugins
from renderer.cli.commands import Command, Run
from renderer.cli.messages import Console, ask_overwrite, can_prompt, open_console, print_plans, print_summaries
from renderer.cli.options import (
    COVER,
    COVERS,
    FrameOptions,
    MosaicOptions,
    OutputOptions,
    PictureOutputOptions,
    PresetOptions,
    SheetOptions,
    VideoOptions,
    VideoOutputOptions,
    format_command,
    on_cover,
    written_command,
)
from renderer.cover_names import CoverName
from renderer.errors import InputError
from renderer.late_imports import load_ahead
from renderer.messages import named
from renderer.parameters import checked_fields, choices_of, docstring, given, parameters
from renderer.scene import Animation
from renderer.settings import SECTIONS, FileSettings, MatchSettings, OutputSettings, OverlaySettings, SoundSettings

if TYPE_CHECKING:
    from renderer.preset import Preset

Values = dict[str, Any]


def with_presets(
    name: str, animation: type[Animation], values: Mapping[str, object], console: Console
) -> list[tuple[Preset | None, Values]]:
    """Return each preset of a command with the resulting values, or one entry without a preset.

    Values from the command line override those of a preset.
    """
    run = PresetOptions(**given(PresetOptions, values))
    if not run.preset and not run.draft:
        return [(None, dict(values))]
    from renderer.preset import SETTINGS, load_preset, with_preset

    known = {parameter for owner in (*SETTINGS, animation) for parameter in parameters(owner)}
    merged: list[tuple[Preset | None, Values]] = []
    presets: list[Preset | None] = [load_preset(each) for each in dict.fromkeys(run.preset)]
    for preset in presets or [None]:
        if preset and (ignored := [key for key in with_preset(preset, name, {}) if key not in known]):
            console.notice(
                f"{name} has no parameter {', '.join(ignored)}: the value of preset {preset.name} is ignored"
            )
        merged.append((preset, with_preset(preset, name, values, draft=run.draft)))
    return merged


_FOR_VIDEOS: Final = (SoundSettings, FileSettings, VideoOptions)


def _for_picture(values: Mapping[str, object], kind: str, console: Console) -> Values:
    """Return the values without those that apply only to videos; a notice names the ignored ones.

    This way, a command line can be tried as a still or sheet before it is rendered as a video.
    """
    ignored = [name for owner in _FOR_VIDEOS for name in parameters(owner) if name in values]
    if ignored:
        console.notice(f"Ignored for a {kind}, which is a picture: {', '.join(map(named, ignored))}")
    return {name: value for name, value in values.items() if name not in ignored}


Kind = Literal["", "still", "sheet"]
"""What a command makes of an animation: a video, a still or a contact sheet."""

_SHARED: Final[dict[str, type]] = {
    "Presets": PresetOptions,
    **SECTIONS,
}
"""Parameters of all animations, by section of the help."""


def animation_command(kind: Kind, point: plugins.Point) -> Command:
    """Return the command for a video, a still or a contact sheet of an animation.

    Raises InputError if the animation can't be loaded, or one of its parameters has the name of a common option.
    """
    name, animation = point.name, plugins.load(point)
    taken = {
        option
        for owner in (*_SHARED.values(), VideoOutputOptions, VideoOptions, FrameOptions, SheetOptions)
        for option in parameters(owner)
    }
    if both := taken & set(parameters(animation)):
        raise InputError(
            f"The animation {name} was left out: its parameter {min(both)} has the name of a common option. Rename it"
        )
    about = docstring(animation).splitlines()[0]
    own = {name.capitalize(): animation}
    covers = COVERS if "to" in parameters(animation) else COVER
    if not kind:
        groups = {**own, **_SHARED, "Output": VideoOutputOptions, "Run": VideoOptions}
        return Command(name, about, _video(name, animation), covers, groups, own=animation, has_short_help=True)
    shared = {title: owner for title, owner in _SHARED.items() if owner not in _FOR_VIDEOS}
    what, run, options = {
        "still": ("one frame", _frame, FrameOptions), "sheet": ("a contact sheet", _contact_sheet, SheetOptions),
    }[kind]  # fmt: skip
    return Command(
        f"{kind} {name}", f"Render {what} of {name}: {about[0].lower()}{about[1:]}", run(name, animation), covers,
        {**own, **shared, "Output": PictureOutputOptions, "Run": options}, hidden=_FOR_VIDEOS, own=animation,
        has_short_help=True,
    )  # fmt: skip


def _video(name: str, animation: type[Animation]) -> Run:
    """Return the function that renders videos of an animation."""

    def video(cover: CoverName | None, values: dict[str, object]) -> None:
        from renderer.cluster import open_cluster
        from renderer.job import VideoJob, named_output, plan_videos, render_videos
        from renderer.sound import check_music_options

        common, console = open_console(values)
        run = VideoOptions(**given(VideoOptions, values))
        merged = with_presets(name, animation, values, console)
        jobs = []
        for preset, every in merged:
            file = FileSettings(**given(FileSettings, every))
            path = named_output(
                common.output, cover, name, preset.name if preset else "", f".{file.format or 'mp4'}",
                in_folder=len(merged) > 1,
            )  # fmt: skip
            if "format" not in values and common.output is not None:
                file = file.for_name(path, keep_codec="codec" in values)
            job = replace(
                VideoJob.of(cover, animation, path, every), file=file, frames=run.frames,
                command=written_command([name], cover, values),
                preset=preset.name if preset else "", rules=preset.rules if preset else None,
            )  # fmt: skip
            check_music_options(job.sound, values)
            jobs.append(job)
        if run.dry_run:
            overwrite = common.overwrite or can_prompt()
            print_plans(plan_videos([replace(job, overwrite=overwrite) for job in jobs], console), common)
            return
        load_ahead("cv2")  # which cuts and scales photos; a short video is ready 3 % earlier
        files = [path for job in jobs for path in job.files()]
        overwrite = ask_overwrite(files, values, overwrite=common.overwrite)
        ready = [replace(job, overwrite=overwrite) for job in jobs]
        with open_cluster(run.cluster, run.store, console, run.workers) as pool:
            summaries = render_videos(ready, console, workers=run.workers, cache_size=run.cache_size, pool=pool)
        print_summaries(summaries, common, console)

    return on_cover(video)


def _frame(name: str, animation: type[Animation]) -> Run:
    """Return the function that renders one frame of an animation."""

    def frame(cover: CoverName | None, values: dict[str, object]) -> None:
        from renderer.job import named_output, picture_output, render_frame

        common, console = open_console(values)
        values = _for_picture(values, "still", console)
        run = FrameOptions(**given(FrameOptions, values))
        preset, values = with_presets(name, animation, values, console)[0]
        output = picture_output(common.output, "still")
        path = named_output(output, cover, name, preset.name if preset else "", ".png")
        summary = render_frame(
            cover, animation(**given(animation, values)), path, run.at, safe_zones=run.safe_zones,
            match=MatchSettings(**given(MatchSettings, values)), output=OutputSettings(**given(OutputSettings, values)),
            overlay=OverlaySettings(**given(OverlaySettings, values)),
            overwrite=ask_overwrite([path], values, overwrite=common.overwrite), progress=console,
        )  # fmt: skip
        print_summaries([summary], common, console)

    return on_cover(frame)


def _contact_sheet(name: str, animation: type[Animation]) -> Run:
    """Return the function that renders a contact sheet of an animation."""

    def contact_sheet(cover: CoverName | None, values: dict[str, object]) -> None:
        from renderer.job import named_output, picture_output, render_sheet

        common, console = open_console(values)
        values = _for_picture(values, "sheet", console)
        preset, values = with_presets(name, animation, values, console)[0]
        output = picture_output(common.output, "sheet")
        path = named_output(output, cover, f"{name}-sheet", preset.name if preset else "", ".png")
        summary = render_sheet(
            cover, animation(**given(animation, values)), path, cells=SheetOptions(**given(SheetOptions, values)).cells,
            match=MatchSettings(**given(MatchSettings, values)), output=OutputSettings(**given(OutputSettings, values)),
            overlay=OverlaySettings(**given(OverlaySettings, values)),
            overwrite=ask_overwrite([path], values, overwrite=common.overwrite), progress=console,
        )  # fmt: skip
        print_summaries([summary], common, console)

    return on_cover(contact_sheet)


def all_sheets_command() -> Command:
    """Return the command that draws a contact sheet of every animation, in each of its styles."""
    shared = {title: owner for title, owner in _SHARED.items() if owner not in (*_FOR_VIDEOS, PresetOptions)}
    return Command(
        "sheet all", "Render a contact sheet of every animation, in each of its styles, to choose from.",
        on_cover(_all_sheets), COVERS, {**shared, "Output": OutputOptions, "Run": SheetOptions},
        has_short_help=True,
    )  # fmt: skip


def _all_sheets(cover: CoverName | None, values: dict[str, object]) -> None:
    from renderer.job import named_output, render_sheets

    common, console = open_console(values)
    to, left_out = values.get("to"), []
    folder = common.output or named_output(None, cover, "sheets", "", "")
    sheets: dict[Path, Animation] = {}
    for name, point in plugins.installed().items():
        try:
            kind = plugins.load(point)
        except InputError as error:
            console.notice(error.text)
            continue
        further: Values = {"to": to} if to and "to" in parameters(kind) else {}
        try:
            kind(**further).next_covers()
        except InputError:
            left_out.append(name)
            continue
        for style, styled in _styles(kind).items():
            own = {**styled, **further}
            path = named_output(folder, cover, f"{name}{style}-sheet", "", ".png", in_folder=True)
            sheets[path] = kind(**own)
    if left_out:
        console.notice(f"{', '.join(left_out)} left out, as they need several covers: specify further ones")
    summaries = render_sheets(
        cover, sheets, cells=SheetOptions(**given(SheetOptions, values)).cells,
        match=MatchSettings(**given(MatchSettings, values)), output=OutputSettings(**given(OutputSettings, values)),
        overlay=OverlaySettings(**given(OverlaySettings, values)),
        overwrite=ask_overwrite(list(sheets), values, overwrite=common.overwrite), progress=console,
    )  # fmt: skip
    print_summaries(summaries, common, console)


def _styles(kind: type[Animation]) -> dict[str, Values]:
    """Return the parameters of each style of an animation, by the end of its name."""
    if not kind.styles:
        return {"": {}}
    hint = next(each.hint for each in checked_fields(kind) if each.name == kind.styles)
    return {f"-{choice}": {kind.styles: choice} for choice in choices_of(hint)}


def landings_command() -> Command:
    """Return the command that shows the photos on which a flight may land."""
    groups = {"Tiles and matching": MatchSettings, "Output": OutputOptions}
    about = (
        f"Show the photos of a mosaic that are best to land on, with their names, to choose one by {named('focus')}."
    )
    return Command("sheet landings", about, on_cover(_landings), COVER, groups, has_short_help=True)


def _landings(cover: CoverName | None, values: dict[str, object]) -> None:
    from renderer.job import named_output, render_landings

    common, console = open_console(values)
    path = named_output(common.output, cover, "landings", "", ".png")
    summary = render_landings(
        cover, path, match=MatchSettings(**given(MatchSettings, values)),
        overwrite=ask_overwrite([path], values, overwrite=common.overwrite), progress=console,
    )  # fmt: skip
    print_summaries([summary], common, console)


def mosaic_command() -> Command:
    """Return the command that renders a mosaic as a picture."""
    groups = {"Tiles and matching": MatchSettings, "Picture": MosaicOptions, "Output": OutputOptions}
    return Command(
        "mosaic", "Render the whole mosaic as a picture.", on_cover(_mosaic), COVER, groups, has_short_help=True
    )


def _mosaic(cover: CoverName | None, values: dict[str, object]) -> None:
    from renderer.job import named_output, plan_mosaic, render_mosaic

    common, console = open_console(values)
    path = named_output(common.output, cover, "mosaic", "", ".png")
    run = MosaicOptions(**given(MosaicOptions, values))
    match = MatchSettings(**given(MatchSettings, values))
    background = "transparent" if run.transparent else run.background
    if run.dry_run:
        plan = plan_mosaic(
            cover, path, match=match, tile_pixels=run.tile_pixels, paper=run.print, dpi=run.dpi, report=run.report,
            background=background, overwrite=common.overwrite or can_prompt(), progress=console,
        )  # fmt: skip
        print_plans([plan], common)
        return
    summary = render_mosaic(
        cover, path, match=match,
        tile_pixels=run.tile_pixels, paper=run.print, dpi=run.dpi, report=run.report, command=format_command,
        background=background,
        overwrite=ask_overwrite([path], values, overwrite=common.overwrite), progress=console,
    )  # fmt: skip
    print_summaries([summary], common, console)
