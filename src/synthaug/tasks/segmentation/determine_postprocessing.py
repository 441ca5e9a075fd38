"""nnU-Net's rule that decides on a post-processing from predictions with reference labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthaug.labels import STRUCTURES
from synthaug.metrics.overlap import dice
from synthaug.tasks.segmentation.postprocessing import Postprocessing, keep_largest


@dataclass(frozen=True)
class Trial:
    """One removal that was tried.

    Attributes
    ----------
    structures : tuple of str
        Structures whose union was reduced to its largest component.
    before, after : dict of str to (float or None)
        Dice of each structure, mean over the cases in which prediction or reference has it, without and with the
        removal, on top of the removals kept before. None where no case has the structure.
    kept : bool
        Whether it was kept.
    """

    structures: tuple[str, ...]
    before: dict[str, float | None]
    after: dict[str, float | None]
    kept: bool


def determine_postprocessing(
    predictions: Sequence[np.ndarray], references: Sequence[np.ndarray]
) -> tuple[Postprocessing, list[Trial]]:
    """Decide which structures are reduced to their largest connected component.

    The rule of nnU-Net's `determine_postprocessing`: all foreground together is reduced if that raises the mean of
    the structures' mean Dice and lowers that of no structure; then each structure by itself, in the order of the
    labels, if that raises its own mean Dice.

    Parameters
    ----------
    predictions, references : sequence of ndarray, shape (z, y, x), uint8
        Canonical labels of each case, one frame of one patient. Shapes may differ between cases.

    Returns
    -------
    Postprocessing
        The removals that were kept.
    list of Trial
        All that were tried, in their order.

    Raises
    ------
    ValueError
        No case, unequal numbers, or a prediction on another grid than its reference.

    References
    ----------
    Isensee et al., Nat. Methods 18, 2021; nnunetv2, ``postprocessing/remove_connected_components.py``.
    """
    if not predictions or len(predictions) != len(references):
        raise ValueError(f"{len(predictions)} predictions and {len(references)} references; give one of each")
    current = list(predictions)
    before = _mean_dice(current, references)
    kept: list[tuple[str, ...]] = []
    trials = []
    for structures in (tuple(STRUCTURES), *((name,) for name in STRUCTURES)):
        changed = [keep_largest(labels, structures) for labels in current]
        after = _mean_dice(changed, references)
        improves = _improves(before, after, structures)
        trials.append(Trial(structures, _known(before), _known(after), improves))
        if improves:
            kept.append(structures)
            current, before = changed, after
    return Postprocessing(tuple(kept)), trials


def _improves(before: dict[str, float], after: dict[str, float], structures: tuple[str, ...]) -> bool:
    if len(structures) == 1:
        return after[structures[0]] > before[structures[0]]
    if any(after[name] < before[name] for name in structures):
        return False
    return _mean_of_known([*after.values()]) > _mean_of_known([*before.values()])


def _mean_dice(predictions: Sequence[np.ndarray], references: Sequence[np.ndarray]) -> dict[str, float]:
    means = {}
    for name, label in STRUCTURES.items():
        means[name] = _mean_of_known(
            [
                dice(predicted == label, reference == label)
                for predicted, reference in zip(predictions, references, strict=True)
            ]
        )
    return means


def _mean_of_known(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _known(means: dict[str, float]) -> dict[str, float | None]:
    return {name: None if np.isnan(mean) else mean for name, mean in means.items()}
