"""Complete renders, from inputs to files: the one package that combines all others.

Each `render_…` function does what one command does.
"""

from renderer.deprecation import old_names
from renderer.job.drawing import FrameSource, draw_strips, drawing, open_frames, photos_drawn_large
from renderer.job.edits import EditResult, edit_mosaic
from renderer.job.inputs import (
    check_cover,
    check_cover_name,
    check_mask_threshold,
    cover_of,
    open_mosaic,
    open_placement,
    sample_pictures,
)
from renderer.job.mosaics import OpenMosaic
from renderer.job.outputs import check_beside, named_output, picture_output
from renderer.job.plans import plan_each, plan_mosaic, plan_videos
from renderer.job.results import Landing, Plan, Summary
from renderer.job.stills import render_frame, render_landings, render_mosaic, render_sheet, render_sheets
from renderer.job.videos import (
    check_job,
    render_video,
    render_videos,
    write_video,
)
from renderer.job.writing import feed
from renderer.settings import EditSettings, GridSettings, MatchSettings, TileSettings
from renderer.video_job import VideoJob, count_frames, mosaic_key, poster_frame

__all__ = [
    "EditResult",
    "EditSettings",
    "FrameSource",
    "GridSettings",
    "Landing",
    "MatchSettings",
    "OpenMosaic",
    "Plan",
    "Summary",
    "TileSettings",
    "VideoJob",
    "check_beside",
    "check_cover",
    "check_cover_name",
    "check_job",
    "check_mask_threshold",
    "count_frames",
    "cover_of",
    "draw_strips",
    "drawing",
    "edit_mosaic",
    "feed",
    "mosaic_key",
    "named_output",
    "open_frames",
    "open_mosaic",
    "open_placement",
    "photos_drawn_large",
    "picture_output",
    "plan_each",
    "plan_mosaic",
    "plan_videos",
    "poster_frame",
    "render_frame",
    "render_landings",
    "render_mosaic",
    "render_sheet",
    "render_sheets",
    "render_video",
    "render_videos",
    "sample_pictures",
    "write_video",
]

__getattr__ = old_names(
    __name__,
    {
        "Edited": "EditResult",
        "Film": "FrameSource",
        "Mosaic": "OpenMosaic",
        "open_film": "open_frames",
        "telling_frame": "poster_frame",
    },
)
