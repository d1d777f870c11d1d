"""Measure whether drawing keeps up with an encoder on more cores, which a sink replaces.

    python benchmarks/sink.py [--tiles FOLDER] [--seconds 10] [--milliseconds 6 12] [--cores 16 8]

The frames of one zoom are drawn, converted and queued by the code of a render, and passed to a writer that takes a set
time for each and no processor time, as if other cores encoded: ffmpeg alone takes 6 ms for a frame of 1080p on 16
cores, and 12 ms on 8. The encoder is the limit if a frame takes little more wall time than that.

Drawing has only the cores of this machine, so the program also prints what drawing would take with as many as
simulated: the processor time of the thread that draws one frame after another, plus an equal share of that of all
others for each core. It is processor time, which other programs change less than wall time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from fractions import Fraction

from animations.zoom import Zoom
from renderer.encoder import FrameWriter
from renderer.job import MatchSettings, OpenMosaic, feed, open_frames, open_mosaic
from renderer.pictures import Pixels
from renderer.progress import Silent
from renderer.settings import OutputSettings

FPS = Fraction(30)


class Sink(FrameWriter):
    """A writer of 4:2:0 that takes a set time for each frame, and writes nothing."""

    def __init__(self, width: int, height: int, seconds: float) -> None:
        super().__init__(width, height, "yuv420p")
        self.seconds = seconds
        self.frames = 0
        self.waited = 0.0  # seconds, after the first frame
        self._ready = 0.0

    def _consume(self, _buffer: Pixels) -> None:
        now = time.perf_counter()
        if self.frames:
            self.waited += max(0.0, now - self._ready)
        self.frames += 1
        # The clock of the encoder, so that a sleep that lasts too long does not count.
        self._ready = max(self._ready, now) + self.seconds
        time.sleep(max(0.0, self._ready - time.perf_counter()))


def measure(mosaic: OpenMosaic, size: tuple[int, int], duration: float, milliseconds: float, cores: int) -> float:
    """Print the cost of a render into a sink; return the wall milliseconds per frame."""
    output = OutputSettings(size=size, fps=FPS, duration=duration)
    with open_frames(mosaic, Zoom(), size, output) as frame_source, Sink(*size, milliseconds / 1e3) as sink:
        start, every, own = time.perf_counter(), time.process_time(), time.thread_time()
        feed(sink, frame_source, range(frame_source.stage.frames), lambda _: None)
        sink.close()
        wall, every, own = time.perf_counter() - start, time.process_time() - every, time.thread_time() - own
    wall, every, own, waited = (seconds / sink.frames * 1e3 for seconds in (wall, every, own, sink.waited))
    print(
        f"sink {milliseconds:g} ms: {wall:.2f} ms of wall time per frame, {waited:.2f} without a frame to take; "
        f"{own:.2f} of {every:.2f} ms of processor time in one thread, so {own + (every - own) / cores:.2f} ms on "
        f"{cores} cores",
        flush=True,
    )
    return wall


def main() -> None:
    """Run the measurements."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tiles", help="a folder of photos; default: pieces of the sample cover")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of the video; default: %(default)s")
    parser.add_argument("--size", default="1920x1080", help="frame size; default: %(default)s")
    parser.add_argument(
        "--milliseconds", nargs="+", type=float, default=[6.0, 12.0], help="times of the sink per frame; default: 6 12"
    )
    parser.add_argument("--cores", nargs="+", type=int, default=[16, 8], help="cores for each time; default: 16 8")
    parser.add_argument("--rounds", type=int, default=3, help="rounds in turn; default: %(default)s")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    with open_mosaic(None, MatchSettings(tiles=(options.tiles,) if options.tiles else ()), Silent()) as mosaic:
        walls: dict[float, list[float]] = {each: [] for each in options.milliseconds}
        for _ in range(options.rounds):
            for each, cores in zip(options.milliseconds, options.cores, strict=True):
                walls[each].append(measure(mosaic, (width, height), options.seconds, each, cores))
    for each, found in walls.items():
        print(
            f"sink {each:g} ms: a frame takes {statistics.median(found) / each:.2f} times as long as the sink (median)"
        )


if __name__ == "__main__":
    main()
