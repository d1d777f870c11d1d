"""An animation as a MoviePy clip."""

from __future__ import annotations

import io
from contextlib import ExitStack

from PIL import Image

from renderer.errors import RenderError
from renderer.frame_times import frame_at
from renderer.job import FrameSource
from renderer.pictures import Pixels

try:
    from moviepy import VideoClip
except ImportError as error:
    raise RenderError("MoviePy is not installed: pip install 'mosaic-renderer[moviepy]'") from error


class MosaicClip(VideoClip):  # type: ignore[misc]  # MoviePy has no types
    """A clip with the same frames as a rendered video. `renderer.as_clip` makes one; close it to end its threads."""

    def __init__(self, frame_source: FrameSource) -> None:
        self.resources = ExitStack()
        """What is released when the clip is closed."""
        count, fps = frame_source.stage.frames, frame_source.fps
        seconds = float(count / fps)

        def frame(time: float) -> Pixels:
            return frame_source.picture(frame_at(min(max(time, 0.0), seconds), count, fps))

        super().__init__(frame_function=frame, duration=seconds)
        self.size = frame_source.stage.frame
        self.fps = float(fps)

    def close(self) -> None:
        """End the threads and close the index of photos."""
        self.resources.close()
        super().close()

    def _repr_png_(self) -> bytes:
        """Return the frame in the middle as a PNG, which notebooks show."""
        png = io.BytesIO()
        Image.fromarray(self.get_frame(self.duration / 2)).save(png, "PNG")
        return png.getvalue()
