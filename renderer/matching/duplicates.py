"""Photos that count as one: copies of a file, and, if wished, photos that look almost the same."""

from __future__ import annotations

from typing import Final

import numpy as np

from renderer.descriptors import describe_structure
from renderer.library import Library
from renderer.matching.candidates import Indices

ALIKE: Final = 2.0
"""Root mean square difference in CIELAB, without the finest detail, up to which two photos look the same: shots of a
burst, another size or a slight correction of one."""

_LEADING: Final = 8  # coefficients by which pairs are found; all are then compared


def first_copies(library: Library) -> Indices:
    """The numbers of the photos, in order, of copies of one file the first."""
    _, first = np.unique(library.groups, return_index=True)
    return np.sort(first).astype(np.int64)


def first_descriptors(library: Library) -> Indices:
    """The numbers of the photos, in order, of those that look almost the same the first."""
    from scipy.sparse import coo_array  # with its trees half a second to import, and seldom needed
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    numbers = first_copies(library)
    descriptors = library.signatures[numbers].reshape(len(numbers), -1)
    _, one_of_each = np.unique(descriptors, axis=0, return_index=True)
    numbers = numbers[np.sort(one_of_each)]
    seen = describe_structure(library.signatures[numbers])
    everything = np.concatenate([seen.mean, seen.detail], axis=1)
    pairs = cKDTree(everything[:, :_LEADING]).query_pairs(ALIKE, output_type="ndarray")
    apart = np.linalg.norm(everything[pairs[:, 0]] - everything[pairs[:, 1]], axis=1)
    pairs = pairs[apart <= ALIKE]
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(numbers), len(numbers)))
    _, group = connected_components(links, directed=False)
    _, first = np.unique(group, return_index=True)
    return numbers[np.sort(first)]
