"""The commands that render: a video, a frame or a sheet of each animation, and the whole mosaic."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cyclopts

from renderer.cli.messages import Console, ask_overwrite, can_prompt, open_console, print_plans, print_summaries
from renderer.cli.options import (
    FrameOptions,
    MosaicOptions,
    OutputOptions,
    PresetOptions,
    SheetOptions,
    VideoOptions,
    add_command,
    written_command,
)
from renderer.errors import InputError
from renderer.overlay import OverlaySettings
from renderer.parameters import docstring, given, parameters
from renderer.scene import Animation
from renderer.settings import FileSettings, OutputSettings
from renderer.sound import SoundSettings, check_music_options

if TYPE_CHECKING:
    from renderer.preset import Preset

Values = dict[str, Any]


def with_presets(name: str, values: Mapping[str, object], console: Console) -> list[tuple[Preset | None, Values]]:
    """The values of a command once for each preset that it names, or once as they are; those given count most."""
    run = PresetOptions(**given(PresetOptions, values))
    if not run.preset and not run.draft:
        return [(None, dict(values))]
    from renderer.preset import as_draft, load_preset

    merged: list[tuple[Preset | None, Values]] = []
    chosen: list[Preset | None] = [load_preset(each) for each in dict.fromkeys(run.preset)]
    for preset in chosen or [None]:
        if preset and "timeline" in preset.values and name != "show":
            console.notice(
                f"{name} is no timeline: that of {preset.name} is left out; render show --for {preset.name} plays it"
            )
        below = {**preset.values, **preset.animations.get(name, {})} if preset else {}
        merged.append((preset, {**(as_draft(below) if run.draft else below), **values}))
    return merged


_FOR_VIDEOS: Final = (SoundSettings, FileSettings, VideoOptions)


def _for_picture(values: Mapping[str, object], kind: str, console: Console) -> Values:
    """What a picture of a video heeds of the video's options; the others are named, and left out.

    So that one command line can be tried as a sheet, and then rendered.
    """
    idle = [name for owner in _FOR_VIDEOS for name in parameters(owner) if name in values]
    if idle:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in idle)
        console.notice(f"ignored for a {kind}, which is a picture: {names}")
    return {name: value for name, value in values.items() if name not in idle}


def add_animation(
    app: cyclopts.App,
    still: cyclopts.App,
    sheet: cyclopts.App,
    name: str,
    animation: type[Animation],
    wanted: Collection[str],
) -> None:
    """Register the three commands of an animation. Raises InputError if its parameters are named like others."""
    about = docstring(animation).splitlines()[0]
    from renderer.job import MatchSettings

    def video(cover: Path | None, values: dict[str, object]) -> None:
        from renderer.job import VideoJob, named_output, plan_videos, render_videos

        common, console = open_console(values)
        run = VideoOptions(**given(VideoOptions, values))
        merged = with_presets(name, values, console)
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
        files = [path for job in jobs for path in job.files()]
        overwrite = ask_overwrite(files, values, overwrite=common.overwrite)
        print_summaries(render_videos([replace(job, overwrite=overwrite) for job in jobs], console), common, console)

    def frame(cover: Path | None, values: dict[str, object]) -> None:
        from renderer.job import named_output, picture_output, render_frame

        common, console = open_console(values)
        values = _for_picture(values, "still", console)
        run = FrameOptions(**given(FrameOptions, values))
        preset, values = with_presets(name, values, console)[0]
        output = picture_output(common.output, "still")
        path = named_output(output, cover, name, preset.name if preset else "", ".png")
        summary = render_frame(
            cover, animation(**given(animation, values)), path, run.at, safe_zones=run.safe_zones,
            match=MatchSettings(**given(MatchSettings, values)), output=OutputSettings(**given(OutputSettings, values)),
            overlay=OverlaySettings(**given(OverlaySettings, values)),
            overwrite=ask_overwrite([path], values, overwrite=common.overwrite), progress=console,
        )  # fmt: skip
        print_summaries([summary], common, console)

    def contact_sheet(cover: Path | None, values: dict[str, object]) -> None:
        from renderer.job import named_output, picture_output, render_sheet

        common, console = open_console(values)
        values = _for_picture(values, "sheet", console)
        preset, values = with_presets(name, values, console)[0]
        output = picture_output(common.output, "sheet")
        path = named_output(output, cover, f"{name}-sheet", preset.name if preset else "", ".png")
        summary = render_sheet(
            cover, animation(**given(animation, values)), path, cells=SheetOptions(**given(SheetOptions, values)).cells,
            match=MatchSettings(**given(MatchSettings, values)), output=OutputSettings(**given(OutputSettings, values)),
            overlay=OverlaySettings(**given(OverlaySettings, values)),
            overwrite=ask_overwrite([path], values, overwrite=common.overwrite), progress=console,
        )  # fmt: skip
        print_summaries([summary], common, console)

    title = name.capitalize()
    shared = {
        "Presets": PresetOptions,
        "Tiles and matching": MatchSettings,
        "Picture": OutputSettings,
        "Title and logo": OverlaySettings,
        "Sound": SoundSettings,
        "File": FileSettings,
        "Output": OutputOptions,
    }
    taken = {
        option for owner in (*shared.values(), VideoOptions, FrameOptions, SheetOptions) for option in parameters(owner)
    }
    if both := taken & set(parameters(animation)):
        raise InputError(
            f"the animation {name} was left out: --{min(both)} of its parameters is an option of all, rename it"
        )
    add_command(app, name, about, {title: animation, **shared, "Run": VideoOptions}, video, wanted=wanted)
    for group, what, run, call in (
        (still, "One frame of", FrameOptions, frame),
        (sheet, "A contact sheet of", SheetOptions, contact_sheet),
    ):
        groups = {
            title: animation,
            **{group: owner for group, owner in shared.items() if owner not in (SoundSettings, FileSettings)},
        }
        words = wanted if group.name[0] in wanted else ()
        add_command(group, name, f"{what}: {about}", {**groups, "Run": run}, call, wanted=words, hidden=_FOR_VIDEOS)


def mosaic(cover: Path | None, values: dict[str, object]) -> None:
    """Draw the whole mosaic as a still."""
    from renderer.job import MatchSettings, named_output, plan_mosaic, render_mosaic

    common, console = open_console(values)
    path = named_output(common.output, cover, "mosaic", "", ".png")
    run = MosaicOptions(**given(MosaicOptions, values))
    match = MatchSettings(**given(MatchSettings, values))
    if run.dry_run:
        plan = plan_mosaic(
            cover, path, match=match, tile_pixels=run.tile_pixels, paper=run.print, dpi=run.dpi, report=run.report,
            overwrite=common.overwrite or can_prompt(), progress=console,
        )  # fmt: skip
        print_plans([plan], common)
        return
    summary = render_mosaic(
        cover, path, match=match,
        tile_pixels=run.tile_pixels, paper=run.print, dpi=run.dpi, report=run.report,
        overwrite=ask_overwrite([path], values, overwrite=common.overwrite), progress=console,
    )  # fmt: skip
    print_summaries([summary], common, console)
