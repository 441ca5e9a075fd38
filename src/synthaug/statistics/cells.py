"""Trainings of a fold as cells: generator seeds by training seeds, paired over arms where they share them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthaug.statistics.scores import Scores, nanmean


class Effects(NamedTuple):
    """Effects of cells that are shared by all patients, and the noise around them.

    Attributes
    ----------
    cells : ndarray, shape (n_generator_seeds, n_training_seeds)
        Mean over patients of each cell, minus the mean of all cells.
    noise : float
        Variance of the patient-by-cell noise in the mean of all cells and patients.
    """

    cells: np.ndarray
    noise: float


def effects_of(cube: np.ndarray) -> Effects:
    """Effects of the cells of one fold.

    Parameters
    ----------
    cube : ndarray, shape (n_patients, n_generator_seeds, n_training_seeds)
        NaN if missing.
    """
    n, *shape = cube.shape
    flat = cube.reshape(n, -1)
    # Centred by patient, so that a missing value does not shift the mean of its cell.
    centred = flat - nanmean(flat, 1)[:, None]
    effects = np.nan_to_num(nanmean(centred, 0))
    effects = effects - effects.mean()
    rest = centred - effects
    df = max(0, n - 1) * (flat.shape[1] - 1)
    variance = float(np.nansum(rest**2)) / df if df else 0.0
    return Effects(effects.reshape(shape), variance / max(n, 1) / flat.shape[1])


def contrast_cubes(
    arms: Sequence[Scores], weights: Sequence[float], fold: float, paired: bool = True
) -> list[np.ndarray]:
    """Weighted sum of the arms in each patient and cell of a fold.

    Parameters
    ----------
    arms : sequence of Scores
        Same patients in the same order.
    weights : sequence of float
        Weight of each arm.
    fold : float
        The fold.
    paired : bool
        Whether to pair arms by their training seeds.

    Returns
    -------
    list of ndarray, shape (n_patients, n_generator_seeds, n_training_seeds)
        One cube where all arms are paired, because they have the same training seeds and as many generator
        seeds; otherwise one cube for each arm, which vary independently.
    """
    laid = [_lay_out(arm, fold) for arm in arms]
    seeds = {cells.training_seeds for cells in laid}
    draws = {len(cells.generator_seeds) for cells in laid}
    if paired and len(seeds) == len(draws) == 1 and None not in seeds:
        return [np.sum([weight * cells.cube for weight, cells in zip(weights, laid, strict=True)], axis=0)]
    return [weight * cells.cube for weight, cells in zip(weights, laid, strict=True)]


class _Cells(NamedTuple):
    """Cube of one arm in one fold; `training_seeds` is None if they differ between generator seeds."""

    cube: np.ndarray
    generator_seeds: tuple[float, ...]
    training_seeds: tuple[float, ...] | None


def _lay_out(arm: Scores, fold: float) -> _Cells:
    here = (arm.folds == fold) & ~np.isnan(arm.values).all(axis=0)
    values = arm.values[:, here]
    generators, rows = np.unique(arm.generator_seeds[here], return_inverse=True)
    trainings, columns = np.unique(arm.training_seeds[here], return_inverse=True)
    names = tuple(generators.tolist())
    if len(generators) * len(trainings) == values.shape[1]:
        cube = np.full((len(values), len(generators), len(trainings)), np.nan)
        cube[:, rows, columns] = values
        return _Cells(cube, names, tuple(trainings.tolist()))
    # Other training seeds with each generator seed: the units are the means of the generator seeds.
    means = [nanmean(values[:, rows == number], 1) for number in range(len(generators))]
    return _Cells(np.stack(means, axis=1)[:, :, None], names, None)
