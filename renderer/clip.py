"""An animation as a MoviePy clip, to be cut, joined and given sound with MoviePy's own tools."""

from __future__ import annotations

import io
from contextlib import ExitStack
from pathlib import Path

from PIL import Image

from renderer.errors import RenderError
from renderer.frame_times import frame_at
from renderer.job import MatchSettings, OpenMosaic, open_frames, open_mosaic
from renderer.library import Archive, reopen
from renderer.pictures import Pixels
from renderer.placement import PlacementMap
from renderer.progress import Silent
from renderer.scene import Animation
from renderer.settings import OutputSettings

try:
    from moviepy import VideoClip
except ImportError as error:
    raise RenderError("MoviePy is not installed: pip install 'mosaic-renderer[moviepy]'") from error


class MosaicClip(VideoClip):  # type: ignore[misc]  # MoviePy has no types
    """A clip whose frames are those of `render`; close it to end its threads. `as_clip` makes one."""

    def __init__(self, mosaic: OpenMosaic, animation: Animation, output: OutputSettings, resources: ExitStack) -> None:
        size = output.frame_size(mosaic.placement.cover_size, even=False)
        frame_source = resources.enter_context(open_frames(mosaic, animation, size, output))
        count = frame_source.stage.frames
        seconds = float(count / output.fps)

        def frame(time: float) -> Pixels:
            return frame_source.picture(frame_at(min(max(time, 0.0), seconds), count, output.fps))

        self._resources = resources
        super().__init__(frame_function=frame, duration=seconds)
        self.size = size
        self.fps = float(output.fps)

    def close(self) -> None:
        """End the threads and close the index."""
        self._resources.close()
        super().close()

    def _repr_png_(self) -> bytes:
        """The frame in the middle, as a notebook shows it."""
        shown = io.BytesIO()
        Image.fromarray(self.get_frame(self.duration / 2)).save(shown, "PNG")
        return shown.getvalue()


def as_clip(
    source: Path | PlacementMap,
    animation: Animation,
    *,
    match: MatchSettings | None = None,
    output: OutputSettings | None = None,
) -> MosaicClip:
    """A MoviePy clip of an animation of a mosaic: a cover to be matched, a `.mosaic` file, or a placement map.

    Frames are (H, W, 3) uint8 RGB; `output` gives size, rate and duration. Use it in a `with` block, or close it.
    Raises RenderError.
    """
    with ExitStack() as resources:
        if isinstance(source, PlacementMap):
            archive = resources.enter_context(Archive(Silent()))
            library = reopen(archive, source.photos, Silent())
            mosaic = OpenMosaic(source, library, library, library.skipped, frozenset(), archive)
        else:
            opened = open_mosaic(source, match or MatchSettings(), Silent(), animation.targets())
            mosaic = resources.enter_context(opened)
        clip = MosaicClip(mosaic, animation, output or OutputSettings(), resources)
        clip._resources = resources.pop_all()
        return clip
