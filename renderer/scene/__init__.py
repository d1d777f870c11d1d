"""The public interface for animations, and the only module that they import from this package.

It holds the stage that an animation receives, the scenes that it returns, and its base class.

An animation is a frozen dataclass of parameters with a `prepare` method, registered under the entry-point group
`renderer.animations`::

    @dataclass(frozen=True)
    class Spin(Animation):
        \"\"\"Turn the whole mosaic once.\"\"\"

        turns: float = parameter(1.0, "Number of turns", unit="turns", low=-10, high=10)

        def prepare(self, stage: Stage) -> Motion:
            sprites, camera = stage.resting_sprites(), stage.whole_camera()
            return lambda progress: stage.scene(replace(camera, angle=2 * pi * self.turns * progress), sprites)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from renderer.choices import Fit
from renderer.deprecation import old_names
from renderer.errors import InputError
from renderer.kernels import arithmetic
from renderer.messages import named
from renderer.parameters import Colour, parameter
from renderer.scene.animation import PAUSE_PARAMETERS, Animation, Ending, NextCover, SpatialAnimation
from renderer.scene.easing import EASINGS, Easing, ease
from renderer.scene.flights import ArchedFlight, Leg, camera_including, opening_of, straight_flight, visible_bounds
from renderer.scene.movements import VERTICAL, curved, in_perspective, turned, turned_height, turned_over, turns
from renderer.scene.nested_mosaics import NestedFlight, NestedMosaic
from renderer.scene.openings import Landing, OpeningPhoto, landings_in_view
from renderer.scene.orders import Order, in_view, smooth_noise, sort_keys, spread, staggered
from renderer.scene.rearranging import Rearrangement, without_tone
from renderer.scene.sequences import CoverSequence, Transition
from renderer.scene.sorting import SortBy, SortKeys, photo_keys, sorted_cells
from renderer.scene.space import Space
from renderer.scene.sprites import (
    FIELD_OF_VIEW,
    JOINED_BELOW,
    JOINED_BELOW_RIGHT,
    JOINED_RIGHT,
    RECTANGLE,
    SPRITE_ARRAYS,
    TONE_FULL_BELOW,
    TONE_NONE_ABOVE,
    Camera,
    Motion,
    NestedMap,
    Outline,
    Rest,
    Scene,
    Sprites,
    make_sprites,
)
from renderer.scene.stage import FAR_PIXELS, Stage, Target, parse_target
from renderer.scene.views import footprint

if TYPE_CHECKING:
    from renderer.arrays import Float64Array

__all__ = [
    "EASINGS",
    "FAR_PIXELS",
    "FIELD_OF_VIEW",
    "JOINED_BELOW",
    "JOINED_BELOW_RIGHT",
    "JOINED_RIGHT",
    "PAUSE_PARAMETERS",
    "RECTANGLE",
    "SPRITE_ARRAYS",
    "TONE_FULL_BELOW",
    "TONE_NONE_ABOVE",
    "VERTICAL",
    "Animation",
    "ArchedFlight",
    "Camera",
    "Colour",
    "CoverSequence",
    "Easing",
    "Ending",
    "Fit",
    "Float64Array",
    "InputError",
    "Landing",
    "Leg",
    "Motion",
    "NestedFlight",
    "NestedMap",
    "NestedMosaic",
    "NextCover",
    "OpeningPhoto",
    "Order",
    "Outline",
    "Rearrangement",
    "Rest",
    "Scene",
    "SortBy",
    "SortKeys",
    "Space",
    "SpatialAnimation",
    "Sprites",
    "Stage",
    "Target",
    "Transition",
    "arithmetic",
    "camera_including",
    "curved",
    "ease",
    "footprint",
    "in_perspective",
    "in_view",
    "landings_in_view",
    "make_sprites",
    "named",
    "opening_of",
    "parameter",
    "parse_target",
    "photo_keys",
    "smooth_noise",
    "sort_keys",
    "sorted_cells",
    "spread",
    "staggered",
    "straight_flight",
    "turned",
    "turned_height",
    "turned_over",
    "turns",
    "visible_bounds",
    "without_tone",
]

__getattr__ = old_names(
    __name__,
    {"Floats": "Float64Array", "RESTS": "PAUSE_PARAMETERS"},
    late={"Float64Array": "renderer.arrays"},  # it needs NumPy, even where only annotations use it
)
