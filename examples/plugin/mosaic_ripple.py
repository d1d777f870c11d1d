"""Ripple: waves run outwards over the mosaic, like ripples on water. A complete plugin."""

from dataclasses import dataclass

import numpy as np

from renderer.scene import Animation, Motion, Scene, Stage, parameter


@dataclass(frozen=True)
class Ripple(Animation):
    """Waves run outwards over the mosaic."""

    waves: float = parameter(3.0, "Number of waves", unit="waves", low=0.5, high=20)
    height: float = parameter(0.5, "Reduction of the size of tiles in the troughs", low=0, high=0.9)

    def prepare(self, stage: Stage) -> Motion:
        tiles, camera = stage.resting_sprites(), stage.whole_camera()
        away = np.linalg.norm(tiles.centre - camera.centre, axis=1) / sum(stage.view(camera))

        def motion(progress: float) -> Scene:
            if progress in (0.0, 1.0):
                return stage.scene(camera, tiles)
            phase = self.waves * 2 * np.pi * (progress - away)
            size = 1 - self.height * (0.5 - 0.5 * np.cos(phase)) * np.sin(np.pi * progress) ** 2
            return stage.scene(camera, tiles.moved(tiles.centre, size=size))

        return motion
