"""Photo-mosaic animation: matching photos to a cover, moving the tiles, drawing and encoding the frames.

The rooms are modules, from `renderer.pictures` to `renderer.job`; README.md draws the plan. `renderer.job` holds the
functions that the commands call.
"""
