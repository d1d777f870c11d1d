"""Photos and a cell as points with three coordinates, in the space of the metric that compares them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from renderer.arrays import Float32Array
from renderer.cover_pixels import cell_means, cell_signatures, cover_signature, cut_cells
from renderer.descriptors import Structure, describe_structure, mean_lab
from renderer.explain.cells import Matched
from renderer.fidelity import turned
from renderer.matching import adapted_cover
from renderer.matching.structure import Weights
from renderer.matching.tiles import in_cells

_PERCENTILE: Final = 99.5  # of the photos inside the box: a single outlier must not shrink all others


@dataclass(frozen=True)
class Space:
    """Points in a box −1…1 with coordinates x, y and z (upwards) on the same scale."""

    photos: Float32Array  # (P, 3) the requested photos
    near: Float32Array  # (K, 3) the nearest photos, transformed as for the comparison with the cell
    cell: Float32Array  # (3,)
    axes: tuple[str, str, str]  # labels
    caption: str  # what the position of a point means
    variance_share: float = 1.0  # share of the variance along the three axes, 0…1


def points_of(matched: Matched, numbers: npt.NDArray[np.int64], near: int) -> Space:
    """Return points of photos by number (P,), of the `near` nearest photos, and of the cell.

    The three numbers of a mean colour are its coordinates. Descriptors with more numbers are projected to the photos'
    first three principal components. Memory: 12 KiB per photo for `pixels`, 200 bytes for other metrics.
    """
    library, style = in_cells(matched.mosaic.offered, matched.grid.shape), matched.settings.style()
    nearest, symmetry = matched.near.photo[0, :near].astype(np.int64), matched.near.symmetry[0, :near]
    cover = adapted_cover(matched.cover, library, style)
    grid = replace(matched.grid, cells=matched.grid.cells[[matched.cell]])
    if style.metric == "mean":
        colours = library.means * 255
        cell = cell_means(cover, grid)[0].astype(np.float32)
        photo_points, near_points, cell_point = (
            values[..., [0, 2, 1]] / np.float32(127.5) - np.float32(1)
            for values in (colours[numbers], colours[nearest], cell)
        )
        caption = "Each point is a photo; its coordinates are the mean red, green and blue."
        return Space(photo_points, near_points, cell_point, ("red", "blue", "green"), caption)
    signature = cell_signatures(cover_signature(cover, grid, matched.grid.step), grid)
    if style.metric == "lab":
        lab = [mean_lab(library.signatures[some]) for some in (numbers, nearest)] + [mean_lab(signature)[0]]
        points = [(values - (50, 0, 0))[..., [1, 2, 0]].astype(np.float32) for values in lab]
        caption = "Each point is a photo; its coordinates are the mean colour in CIELAB."
        return Space(*_scaled(*points), ("a* red", "b* yellow", "L* light"), caption)
    if style.metric == "pixels":
        tiles = library.tiles_of(numbers), turned(library.tiles_of(nearest), symmetry), cut_cells(cover, grid)
        return _projected(*(pictures.reshape(len(pictures), -1).astype(np.float32) for pictures in tiles))
    weights = Weights.of_tone(style.tone)
    cell_structure = describe_structure(signature)
    near_structure = describe_structure(library.signatures[nearest]).turned(symmetry)
    energy = np.maximum((near_structure.detail**2).sum(axis=1), np.float32(1e-6))
    gain = (near_structure.detail @ cell_structure.detail[0]) / energy
    gain = np.clip(gain, weights.min_gain, weights.max_gain)[:, np.newaxis]
    photo_vectors = _vectors(describe_structure(library.signatures[numbers]), weights)
    return _projected(photo_vectors, _vectors(near_structure, weights, gain), _vectors(cell_structure, weights))


def _vectors(structure: Structure, weights: Weights, gain: Float32Array | float = 1.0) -> Float32Array:
    """Return vectors (N, D) whose squared distances are the costs of `structure`, without its `miss` term."""
    return np.concatenate([gain * structure.detail, np.sqrt(weights.shift) * structure.mean], axis=1, dtype=np.float32)


def _projected(photos: Float32Array, near: Float32Array, cell: Float32Array) -> Space:
    """Project vectors (N, D) to the first three principal components."""
    from sklearn.decomposition import PCA  # takes 1 s to import

    vectors = np.concatenate([photos, near, cell])
    dimensions = vectors.shape[1]
    components = min(3, *vectors.shape)
    pca = PCA(components, svd_solver="auto" if dimensions < 500 else "randomized", random_state=0).fit(vectors)
    points = np.zeros((len(vectors), 3), np.float32)
    points[:, :components] = pca.transform(vectors)
    share = float(np.nan_to_num(pca.explained_variance_ratio_).sum())
    caption = f"Each point is a photo: {dimensions:,} numbers projected to three axes ({share:.0%} of the variance)."
    ends = len(photos), len(photos) + len(near)
    scaled = _scaled(points[: ends[0]], points[ends[0] : ends[1]], points[ends[1]])
    return Space(*scaled, ("1st axis", "2nd axis", "3rd axis"), caption, share)


def _scaled(
    photos: Float32Array, near: Float32Array, cell: Float32Array
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Scale points (N, 3) so that the cell, the near photos and 99.5 % of the others are inside the box −1…1."""
    extents = np.abs(photos).max(axis=1) if len(photos) else np.zeros(1, np.float32)
    limit = float(np.percentile(extents, _PERCENTILE))
    limit = max(limit, float(np.abs(near).max(initial=0)), float(np.abs(cell).max()), 1e-6)
    return photos / limit, near / limit, cell / limit
