"""Duplicates: copies of a file, and optionally photos that look nearly the same."""

from __future__ import annotations

from typing import Final

import numpy as np

from renderer.descriptors import describe_structure
from renderer.library import Library
from renderer.matching.candidates import Indices

MAX_DIFFERENCE: Final = 2.0
"""Maximum root mean square difference in CIELAB, without the finest detail, between near-duplicates, such as burst
shots and resized or slightly corrected copies."""

_LEADING: Final = 8  # coefficients for finding candidate pairs, which are then compared by all coefficients


def first_copies(library: Library) -> Indices:
    """Return the numbers of the photos in order, including only the first copy of each file."""
    _, first = np.unique(library.groups, return_index=True)
    return np.sort(first).astype(np.int64)


def first_descriptors(library: Library) -> Indices:
    """Return the numbers of the photos in order, including only the first of each group of near-duplicates."""
    from scipy.sparse import coo_array  # takes 0.5 s to import, and is rarely needed
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    numbers = first_copies(library)
    descriptors = library.signatures[numbers].reshape(len(numbers), -1)
    _, distinct = np.unique(descriptors, axis=0, return_index=True)
    numbers = numbers[np.sort(distinct)]
    structure = describe_structure(library.signatures[numbers])
    vectors = np.concatenate([structure.mean, structure.detail], axis=1)
    pairs = cKDTree(vectors[:, :_LEADING]).query_pairs(MAX_DIFFERENCE, output_type="ndarray")
    distance = np.linalg.norm(vectors[pairs[:, 0]] - vectors[pairs[:, 1]], axis=1)
    pairs = pairs[distance <= MAX_DIFFERENCE]
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(numbers), len(numbers)))
    _, group = connected_components(links, directed=False)
    _, first = np.unique(group, return_index=True)
    return numbers[np.sort(first)]
