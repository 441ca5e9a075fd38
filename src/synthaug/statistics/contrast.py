"""Variance of a contrast of arms with random patients, trainings, trainings of the generator, and folds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthaug.statistics.cells import contrast_cubes, effects_of
from synthaug.statistics.pooled_trainings import PooledTrainings
from synthaug.statistics.precision import FEWEST_GENERATOR_TRAININGS, Precision, Spread
from synthaug.statistics.scores import Scores, in_common, nanmean, patient_means, tested_in

#: Folds from which on they are units of their own.
_FEWEST_FOLDS = FEWEST_GENERATOR_TRAININGS
#: Right or wrong answers that are the same of all patients seen may differ of others: as if of so many they did.
_RULE_OF_THREE = 3


class _Group(NamedTuple):
    """Patients that count with one sign: their contrasts, and the folds that test them."""

    sign: float
    arms: list[Scores]
    differences: np.ndarray
    tested: np.ndarray  # (n_patients, n_folds)
    disjoint: bool
    least: float  # variance of the mean contrast due to patients is never smaller

    @property
    def n(self) -> int:
        return len(self.differences)

    @property
    def shares(self) -> np.ndarray:
        """Weight of each fold in the mean over patients."""
        return np.asarray((self.tested / self.tested.sum(axis=1, keepdims=True)).mean(axis=0))

    def patients(self) -> tuple[float, int]:
        """Variance of the mean contrast due to patients, and its degrees of freedom."""
        if not self.disjoint:
            return max(self.least, float(self.differences.var(ddof=1)) / self.n), self.n - 1
        parts = [self.differences[chosen] for chosen in self.tested.T if chosen.any()]
        df = self.n - len(parts)
        squares = float(sum(((part - part.mean()) ** 2).sum() for part in parts))
        return max(self.least, squares / df / self.n), df


def contrast_precision(
    arms: Sequence[Scores],
    weights: Sequence[float],
    minus: Sequence[Scores] = (),
    pooled: PooledTrainings | None = None,
) -> Precision | None:
    """Precision of a weighted sum of arms over the patients that all of them scored.

    Parameters
    ----------
    arms : sequence of Scores
        Same patients in the same order.
    weights : sequence of float
        Weight of each arm; ``(1, -1)`` for a paired difference.
    minus : sequence of Scores, optional
        The same arms on other patients, whose mean is subtracted: a generalisation gap.
    pooled : PooledTrainings, optional
        Variation of the trainings over all arms: whether their seeds are paired, and the variance of the
        pairs where that of these arms is not larger. By default seeds are paired and not pooled.

    Returns
    -------
    Precision or None
        None if no fold has two patients in common.

    Notes
    -----
    Patient, arm by patient, training and patient-by-training noise are random. Arms that share training
    seeds are paired by them. Variances: method of moments; the noise is counted once. Degrees of freedom:
    Satterthwaite. Three or more folds, or generator seeds, are units, and the widest interval counts.
    Scores that are 0 or 1 vary between patients at least as if three of them differed (rule of three).
    docs/statistics.md gives the reasons.

    References
    ----------
    Obuchowski and Rockette, Commun. Stat. Simul. 24, 1995. Hillis, Stat. Med. 26, 2007 and 33, 2014
    (readers there are trainings here). Satterthwaite, Biometrics Bull. 2, 1946. Bancroft, Ann. Math. Stat.
    15, 1944. Welch, Biometrika 34, 1947. Hanley and Lippman-Hand, JAMA 249, 1983 (rule of three).
    """
    names = np.unique(np.concatenate([arm.folds for arm in arms]))
    found = [_group(1.0, arms, weights, names)] + ([_group(-1.0, minus, weights, names)] if minus else [])
    if any(group is None for group in found):
        return None
    groups = [group for group in found if group is not None]
    used = np.logical_or.reduce([group.tested.any(axis=0) for group in groups])
    names = names[used]
    groups = [group._replace(tested=group.tested[:, used]) for group in groups]
    parts = [group.patients() for group in groups]
    patients = sum(part for part, _ in parts)
    spread = sum(part**2 / df for part, df in parts)
    patients_df = patients**2 / spread if len(parts) > 1 and spread > 0 else sum(df for _, df in parts)
    sets = _cells(groups, weights, names, pooled is None or pooled.shared)
    shared = pooled if len(sets) == 1 and len(weights) > 1 else None
    trainings = [_training_seeds(cells, weights, shared) for cells in sets]
    spreads = [Spread(patients, patients_df, *map(np.array, zip(*trainings, strict=True)))]
    drawn = [_generator_seeds(cells) for cells in sets]
    if max(df for *_, df in drawn) >= FEWEST_GENERATOR_TRAININGS - 1:
        # An arm without several generator seeds varies by its trainings.
        units = [own if own[-1] else other for own, other in zip(drawn, trainings, strict=True)]
        spreads.append(Spread(patients, patients_df, *map(np.array, zip(*units, strict=True))))
    if len(names) >= _FEWEST_FOLDS:
        spreads.append(_folds(groups, weights, names, [part for part, _ in parts]))
    differences = np.concatenate([group.sign * group.differences for group in groups])
    value = sum(group.sign * group.differences.mean() for group in groups)
    return Precision(float(value), differences, tuple(spreads), generator_trainings(arms, names))


def generator_trainings(arms: Sequence[Scores], folds: np.ndarray) -> int | None:
    """Fewest independent trainings of the generator behind any of the arms; None without a generator.

    Those of other folds than `folds`, which test none of the patients, say nothing about them.
    """
    counts = [
        len(
            {
                run
                for run in zip(arm.folds.tolist(), arm.generator_seeds.tolist(), strict=True)
                if run[0] in folds
            }
        )
        for arm in arms
        if (arm.generator_seeds >= 0).all()
    ]
    return min(counts, default=None)


def _group(sign: float, arms: Sequence[Scores], weights: Sequence[float], names: np.ndarray) -> _Group | None:
    arms = in_common(arms)
    means = np.stack([patient_means(arm) for arm in arms])
    kept = ~np.isnan(means).any(axis=0)
    own = [arm._replace(values=arm.values[kept]) for arm in arms]
    tested = tested_in(own[0], names)
    disjoint = bool((tested.sum(axis=1) == 1).all())
    n = int(kept.sum())
    if n - (int(tested.any(axis=0).sum()) if disjoint else 1) < 1:
        return None
    contrast = np.asarray(weights, np.float64)
    binary = all(np.isin(arm.values[~np.isnan(arm.values)], (0, 1)).all() for arm in own)
    least = _RULE_OF_THREE * (float(np.abs(contrast).max()) / n) ** 2 if binary else 0.0
    return _Group(sign, own, contrast @ means[:, kept], tested, disjoint, least)


#: For each fold its weight, the effects of its cells (generator seeds, training seeds), and their noise.
_Cells = list[tuple[float, np.ndarray, float]]


def _cells(
    groups: Sequence[_Group], weights: Sequence[float], names: np.ndarray, paired: bool
) -> list[_Cells]:
    """Effects of the trainings within folds; one entry where the arms are paired, else one an arm."""
    sets: list[_Cells] = []
    for number, fold in enumerate(names):
        cubes = [_cubes(group, weights, number, fold, paired) for group in groups]
        if len({len(members) for members in cubes}) > 1:  # one group lacks a training
            cubes = [_cubes(group, weights, number, fold, False) for group in groups]
        share = float(groups[0].shares[number])
        for place, members in enumerate(zip(*cubes, strict=True)):
            if not all(cube.size for cube in members):  # a group has no patients in this fold
                continue
            found = [effects_of(cube) for cube in members]
            if len({effects.cells.shape for effects in found}) > 1:
                continue
            cells = sum(group.sign * own.cells for group, own in zip(groups, found, strict=True))
            sets += [[] for _ in range(place + 1 - len(sets))]
            sets[place].append((share, np.asarray(cells), sum(own.noise for own in found)))
    return sets or [[]]


def _cubes(
    group: _Group, weights: Sequence[float], number: int, fold: float, paired: bool
) -> list[np.ndarray]:
    tested = group.tested[:, number]
    own = [arm._replace(values=arm.values[tested]) for arm in group.arms]
    return contrast_cubes(own, weights, fold, paired)


def _training_seeds(
    folds: _Cells, weights: Sequence[float], pooled: PooledTrainings | None
) -> tuple[float, float, int]:
    """Component due to training seeds, the noise in it, and its degrees of freedom."""
    squares = sum(float((cells.mean(axis=0) ** 2).sum()) for _, cells, _ in folds)
    df = sum(cells.shape[1] - 1 for _, cells, _ in folds)
    if df == 0:  # one training a generator seed: these are the units
        return _generator_seeds(folds)
    square = squares / df
    if pooled is not None:
        square, df = pooled.mean_square(squares, df, weights)
    share = sum(share**2 / cells.shape[1] for share, cells, _ in folds)
    return square * share, sum(share**2 * noise for share, _, noise in folds), df


def _generator_seeds(folds: _Cells) -> tuple[float, float, int]:
    """The same due to generator seeds, with their trainings averaged."""
    squares = sum(float((cells.mean(axis=1) ** 2).sum()) for _, cells, _ in folds)
    df = sum(cells.shape[0] - 1 for _, cells, _ in folds)
    if df == 0:
        return float("nan"), 0.0, 0
    share = sum(share**2 / cells.shape[0] for share, cells, _ in folds)
    return squares / df * share, sum(share**2 * noise for share, _, noise in folds), df


def _folds(
    groups: Sequence[_Group], weights: Sequence[float], names: np.ndarray, patients: Sequence[float]
) -> Spread:
    """Spread with the folds as units: what both arms of a fold share cancels, all else is counted."""
    effects = np.zeros(len(names))
    own, own_df, noise, falling = 0.0, 0, 0.0, 0.0
    for group, part in zip(groups, patients, strict=True):
        by_fold = sum(
            weight * np.stack([nanmean(arm.values[:, arm.folds == fold], 1) for fold in names], axis=1)
            for weight, arm in zip(weights, group.arms, strict=True)
        )
        by_fold = np.asarray(by_fold)
        if group.disjoint:  # each fold has its own patients
            effects += group.sign * (np.nan_to_num(nanmean(by_fold, 0)) - group.differences.mean())
            falling += part
        else:
            found = effects_of(by_fold[:, None, :])
            effects += group.sign * found.cells[0]
            noise += found.noise
            own += part
            own_df += group.n - 1
    shares, k = groups[0].shares, len(names)
    variance = float(k / (k - 1) * (shares**2 * (effects - shares @ effects) ** 2).sum())
    parts = np.array([variance]), np.array([noise if own_df else min(falling, variance)]), np.array([k - 1])
    return Spread(own, own_df or groups[0].n - k, *parts)
