"""Variation of the trainings, pooled over the arms of a study that share their training seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from synthaug.statistics.cells import contrast_cubes, effects_of
from synthaug.statistics.scores import Scores

#: Level of the preliminary test that trainings of one seed have something in common, over all arms.
_SHARED = 0.25
#: Level of the preliminary test that two arms vary more between trainings than the others. The power of an F
#: test of a few degrees of freedom is small, so that the level must not be.
_UNEQUAL = 0.4


@dataclass(frozen=True)
class PooledTrainings:
    """Arm-by-training-seed interaction of all arms: what differs between trainings beyond the shared seed.

    Attributes
    ----------
    squares : float
        Sum of squares of the interaction, in squared units of the metric.
    df : int
        Its degrees of freedom: (arms - 1)(training seeds - 1), summed over folds.
    shared : bool
        Whether the arms' trainings of one seed have something in common, by an F test.

    References
    ----------
    Bancroft, Ann. Math. Stat. 15, 1944 (preliminary tests).
    """

    squares: float
    df: int
    shared: bool

    def mean_square(self, own: float, own_df: int, weights: Sequence[float]) -> tuple[float, int]:
        """Variance of a contrast between training seeds, and its degrees of freedom.

        Parameters
        ----------
        own : float
            Sum of squares of the contrast over its training seeds.
        own_df : int
            Its degrees of freedom.
        weights : sequence of float
            Weight of each arm in the contrast; they sum to 0.

        Notes
        -----
        If an F test rejects that these arms vary no more than the others, their own variance counts.
        """
        scale = float(np.square(weights).sum())
        rest, rest_df = self.squares - own / scale, self.df - own_df
        alone = own / own_df, own_df
        if rest_df < 1 or rest <= 0:
            return alone
        ratio = own / scale / own_df / (rest / rest_df)
        if special.fdtrc(own_df, rest_df, ratio) < _UNEQUAL:
            return alone
        return scale * self.squares / self.df, self.df


def pool_trainings(scores: Mapping[str, Scores]) -> dict[int, PooledTrainings]:
    """Pooled variation of the trainings, by number of generator seeds.

    Parameters
    ----------
    scores : mapping of str to Scores
        Scores by name of the arm; all arms have the same patients.

    Returns
    -------
    dict
        Number of generator seeds of an arm -> variation over all such arms, whose means over generator
        seeds vary alike. Numbers with fewer than two arms of equal training seeds are left out.
    """
    alike: dict[tuple[int, tuple[tuple[float, float], ...]], list[Scores]] = {}
    for own in scores.values():
        known = ~np.isnan(own.values)
        if not known.any():
            continue
        here = known.any(axis=0)
        values = own.values[known.any(axis=1)][:, here]
        own = Scores(values, *(identity[here] for identity in own[1:]))
        cells = sorted(set(zip(own.folds.tolist(), own.training_seeds.tolist(), strict=True)))
        draws = len(np.unique(own.generator_seeds))
        if len(own.folds) == draws * len(cells):
            alike.setdefault((draws, tuple(cells)), []).append(own)
    found: dict[int, PooledTrainings] = {}
    for (draws, runs), members in alike.items():
        if len(members) < 2:
            continue
        squares, df, common, common_df = 0.0, 0, 0.0, 0
        for fold in sorted({fold for fold, _ in runs}):
            effects = np.stack([_by_seed(own, fold) for own in members])  # (arms, training seeds)
            squares += float(((effects - effects.mean(axis=0)) ** 2).sum())
            df += (len(members) - 1) * (effects.shape[1] - 1)
            common += len(members) * float((effects.mean(axis=0) ** 2).sum())
            common_df += effects.shape[1] - 1
        if df and (draws not in found or df > found[draws].df):
            ratio = common / common_df / (squares / df) if squares > 0 else np.inf
            shared = bool(special.fdtrc(common_df, df, ratio) < _SHARED)
            found[draws] = PooledTrainings(squares, df, shared)
    return found


def _by_seed(own: Scores, fold: float) -> np.ndarray:
    """Effect of each training seed, averaged over patients and generator seeds; their mean is 0."""
    tested = ~np.isnan(own.values[:, own.folds == fold]).all(axis=1)
    cube = contrast_cubes([own._replace(values=own.values[tested])], [1.0], fold)[0]
    mean: np.ndarray = effects_of(cube).cells.mean(axis=0)
    return mean
