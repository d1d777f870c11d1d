"""Photos and a cell as points in a space of three axes, under the metric that compares them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.descriptors import Structure, describe_structure, mean_lab
from renderer.explain.cells import Matched
from renderer.fidelity import turned
from renderer.grid import cell_means, cell_signatures, cover_signature, cut_cells
from renderer.matching import adapted_cover
from renderer.matching.structure import Weights

_HELD: Final = 99.5  # per cent of the photos that the box holds: one far outlier must not shrink all


@dataclass(frozen=True)
class Space:
    """Points of a box −1…1, all three axes to one scale: x, y and (upwards) z."""

    photos: Float32Array  # (P, 3) the photos that were asked for
    near: Float32Array  # (K, 3) the near ones, as they are compared with the cell
    cell: Float32Array  # (3,)
    axes: tuple[str, str, str]
    says: str  # what a point's place means
    kept: float = 1.0  # share of the variance that three axes show


def place(matched: Matched, numbers: npt.NDArray[np.int64], near: int) -> Space:
    """Place photos of some numbers, the `near` nearest ones and the cell.

    Two means have three numbers, and are shown as they are. Of what has more a projection is shown: the principal
    components of the photos. Memory: 12 KiB a photo for `pixels`, else 200 bytes.
    """
    library, style = matched.mosaic.offered, matched.settings.style()
    nearest, symmetry = matched.near.photo[0, :near].astype(np.int64), matched.near.symmetry[0, :near]
    cover = adapted_cover(matched.cover, library, style)
    grid = replace(matched.grid, cells=matched.grid.cells[[matched.cell]])
    if style.metric == "mean":
        colours = library.means * 255
        cell = cell_means(cover, grid)[0].astype(np.float32)
        many, some, one = (
            values[..., [0, 2, 1]] / np.float32(127.5) - np.float32(1)
            for values in (colours[numbers], colours[nearest], cell)
        )
        says = "Each point is a photo, at its mean red, green and blue."
        return Space(many, some, one, ("red", "blue", "green"), says)
    shown = cell_signatures(cover_signature(cover, grid, matched.grid.step), grid)
    if style.metric == "lab":
        lab = [mean_lab(library.signatures[some]) for some in (numbers, nearest)] + [mean_lab(shown)[0]]
        points = [(values - (50, 0, 0))[..., [1, 2, 0]].astype(np.float32) for values in lab]
        says = "Each point is a photo, at its mean colour in CIELAB."
        return Space(*_boxed(*points), ("a* red", "b* yellow", "L* light"), says)
    if style.metric == "pixels":
        tiles = library.tiles_of(numbers), turned(library.tiles_of(nearest), symmetry), cut_cells(cover, grid)
        return _projected(*(pictures.reshape(len(pictures), -1).astype(np.float32) for pictures in tiles))
    weights = Weights.of_tone(style.tone)
    cell_is = describe_structure(shown)
    others = describe_structure(library.signatures[nearest]).turned(symmetry)
    gain = (others.detail @ cell_is.detail[0]) / np.maximum((others.detail**2).sum(axis=1), np.float32(1e-6))
    gain = np.clip(gain, weights.least_gain, weights.most_gain)[:, np.newaxis]
    many = _compared(describe_structure(library.signatures[numbers]), weights)
    return _projected(many, _compared(others, weights, gain), _compared(cell_is, weights))


def _compared(structure: Structure, weights: Weights, gain: Float32Array | float = 1.0) -> Float32Array:
    """What `structure` compares, so that squared distances are its costs (but for colours out of tone's reach)."""
    return np.concatenate([gain * structure.detail, np.sqrt(weights.shift) * structure.mean], axis=1, dtype=np.float32)


def _projected(photos: Float32Array, near: Float32Array, cell: Float32Array) -> Space:
    """Points (N, D) of many dimensions on the three axes along which photos and near ones vary most."""
    from sklearn.decomposition import PCA  # a second to import

    every = np.concatenate([photos, near, cell])
    components = min(3, *every.shape)
    found = PCA(components, svd_solver="auto" if every.shape[1] < 500 else "randomized", random_state=0).fit(every)
    points = np.zeros((len(every), 3), np.float32)
    points[:, :components] = found.transform(every)
    kept = float(np.nan_to_num(found.explained_variance_ratio_).sum())
    says = f"Each point is a photo: {every.shape[1]:,} numbers, projected to three axes ({kept:.0%} of what varies)."
    ends = len(photos), len(photos) + len(near)
    boxed = _boxed(points[: ends[0]], points[ends[0] : ends[1]], points[ends[1]])
    return Space(*boxed, ("1st axis", "2nd axis", "3rd axis"), says, kept)


def _boxed(
    photos: Float32Array, near: Float32Array, cell: Float32Array
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Points scaled so that the box −1…1 holds the cell, the near photos and all but a few of the others."""
    far = np.abs(photos).max(axis=1) if len(photos) else np.zeros(1, np.float32)
    widest = max(float(np.percentile(far, _HELD)), float(np.abs(near).max(initial=0)), float(np.abs(cell).max()), 1e-6)
    return photos / widest, near / widest, cell / widest
