"""Relief: bright tiles rise out of the mosaic, and the camera swings past them. A complete plugin."""

from dataclasses import dataclass, replace

import numpy as np

from renderer.scene import Motion, Scene, SpatialAnimation, Stage, arithmetic, parameter, sort_keys


@dataclass(frozen=True)
class Relief(SpatialAnimation):
    """Bright tiles rise out of the mosaic, and the camera swings past them."""

    height: float = parameter(5.0, "Height of the brightest tiles", unit="cells", low=0, high=20)
    swing: float = parameter(25.0, "Angle by which the camera swings to both sides", unit="degrees", low=0, high=45)

    def prepare(self, stage: Stage) -> Motion:
        tiles, whole = stage.resting_sprites(), stage.whole_camera()
        in_space, below = self.in_space(stage), stage.backdrop()
        brightness = sort_keys(stage, tiles, whole, "brightness")

        def motion(progress: float) -> Scene:
            if progress in (0.0, 1.0):
                return stage.scene(whole, tiles)
            risen = arithmetic.power(arithmetic.sin(np.pi * progress), 2)
            height = self.height * risen * brightness
            lifted = tiles.moved(np.column_stack([tiles.centre, height]))
            yaw = np.radians(self.swing) * risen * arithmetic.sin(2 * np.pi * progress)
            camera = replace(whole, yaw=float(yaw), scale=whole.scale * (1 + 0.5 * float(risen)))
            return stage.scene(camera, *in_space(lifted, below))

        return motion
