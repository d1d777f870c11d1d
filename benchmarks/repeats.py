"""Measure how evenly the repeats of photos are spread, with and without their cost in the perceptual search.

For each use of a photo: the distance to its nearest repeat, relative to sqrt(area of the mosaic / uses of the photo),
which is 1 on a square lattice and 0.5 on average in a random arrangement.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

from renderer.job import MatchSettings, open_mosaic
from renderer.matching import perceptual_search
from renderer.placement import PlacementMap
from renderer.progress import Silent


def nearest_repeats(placement: PlacementMap) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance to the nearest repeat of each use, in cells and relative to an even spread."""
    area = placement.cell[:, 2:].prod(axis=1)
    centre = (placement.cell[:, :2] + placement.cell[:, 2:] / 2) / np.sqrt(area.mean())
    distances, ratios = [], []
    for photo in range(len(placement.photos)):
        uses = centre[placement.photo == photo]
        if len(uses) > 1:
            distances.append(KDTree(uses).query(uses, 2)[0][:, 1])
            ratios.append(distances[-1] / np.sqrt(len(area) / len(uses)))
    return np.concatenate(distances), np.concatenate(ratios)


def main() -> None:
    """Print a row for each cover without and with the cost of repeats."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--tiles", required=True, help="a folder of photos")
    options.add_argument("--columns", type=int, help="default: that of the program")
    options.add_argument("covers", nargs="+", type=Path)
    arguments = options.parse_args()
    default = perceptual_search.CROWDING
    print("| cover | cost | evenness | nearest within 3 cells | within 4 | deltaE | 95 % | SSIM | clipped |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for cover in arguments.covers:
        for weight in (0.0, default):
            perceptual_search.CROWDING = weight  # type: ignore[misc]  # a constant without an option
            settings = MatchSettings(tiles=(arguments.tiles,), columns=arguments.columns)
            with tempfile.TemporaryDirectory() as name:
                os.environ["MOSAIC_RENDERER_CACHE"] = name  # maps are cached by their settings alone
                with open_mosaic(cover, settings, Silent()) as mosaic:
                    distance, ratio = nearest_repeats(mosaic.placement)
                    figures = mosaic.placement.recipe["figures"]
            assert isinstance(figures, dict)
            print(
                f"| {cover.stem} | {weight:g} | {ratio.mean():.2f} | {(distance <= 3).mean():.0%} | "
                f"{(distance <= 4).mean():.0%} | {figures['delta_e']} | {figures['delta_e_95']} | {figures['ssim']} | "
                f"{figures['clipped']} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
