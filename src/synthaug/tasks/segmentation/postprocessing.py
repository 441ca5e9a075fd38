"""nnU-Net's connected-component post-processing: what a training decided, and how it is applied."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synthaug.core.artifacts import read_json
from synthaug.core.errors import SynthaugError
from synthaug.labels import STRUCTURES
from synthaug.tasks.segmentation.workspace import nnunet_workspace

#: The decision of a training, beside its validation predictions.
DECISION = "postprocessing.json"


@dataclass(frozen=True)
class Postprocessing:
    """Removal of all but the largest connected component, of one frame at a time.

    Attributes
    ----------
    keep_largest : tuple of tuples of str
        Structures whose union is reduced to its largest component, one removal after the other.
    """

    keep_largest: tuple[tuple[str, ...], ...] = ()

    def apply(self, labels: np.ndarray) -> np.ndarray:
        """Label map after all removals.

        Parameters
        ----------
        labels : ndarray, shape (z, y, x), uint8
            Canonical labels of one frame.

        Returns
        -------
        ndarray, shape (z, y, x), uint8
            What was removed is background.
        """
        for structures in self.keep_largest:
            labels = keep_largest(labels, structures)
        return labels


#: Nothing is removed.
NONE = Postprocessing()


def keep_largest(labels: np.ndarray, structures: Sequence[str]) -> np.ndarray:
    """Remove all but the largest connected component of a union of structures, as nnU-Net does.

    Parameters
    ----------
    labels : ndarray, shape (z, y, x), uint8
        Canonical labels of one frame.
    structures : sequence of str
        Names in `synthaug.labels.STRUCTURES`.

    Returns
    -------
    ndarray, shape (z, y, x), uint8
        Smaller components are background. Voxels that touch at a face, edge or corner are connected; the size of a
        component is its number of voxels, and all of equally large ones stay.

    References
    ----------
    Isensee et al., Nat. Methods 18, 2021 (``remove_all_but_largest_component_from_segmentation``).
    """
    return nnunets_removal()(labels, [STRUCTURES[name] for name in structures])


@functools.cache
def nnunets_removal() -> Callable[[np.ndarray, list[int]], np.ndarray]:
    """nnU-Net's function that keeps the largest component of a union of labels."""
    with nnunet_workspace(threads=1):
        from nnunetv2.postprocessing.remove_connected_components import (
            remove_all_but_largest_component_from_segmentation,
        )
    function: Callable[[np.ndarray, list[int]], np.ndarray] = (
        remove_all_but_largest_component_from_segmentation
    )
    return function


def read_postprocessing(validation: str | Path | None, training: dict[str, Any]) -> Postprocessing:
    """The decision of a training.

    Parameters
    ----------
    validation : path or None
        A folder that `synthaug.tasks.segmentation.validate.validate_segmenter` wrote; None where the study has no
        post-processing.
    training : dict
        The record of the training whose predictions it is applied to.

    Raises
    ------
    SynthaugError
        The decision is of another training.
    """
    if validation is None:
        return NONE
    file = Path(validation) / DECISION
    content = read_json(file)
    if content["weights_sha256"] != training["weights_sha256"]:
        raise SynthaugError(f"{file}: decided with the weights of another training; decide again")
    return Postprocessing(tuple(tuple(structures) for structures in content["keep_largest"]))
