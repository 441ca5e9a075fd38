"""Fréchet distance between sets of subjects, of which one or a few are left out again and again."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from synthaug.metrics.frechet import check_features, covariance_root, frechet_distance, frechet_from_root

#: Sets whose moments are kept: the reference and the other set of one split, and one of another cohort.
_KEPT = 3


class SubjectFrechet:
    """Fréchet distance between any subjects of one set and any of another, by their indices.

    A set that is an earlier one without a few subjects takes the earlier one's moments less theirs, and the root of
    the covariance that did not change, whichever side it is of: one symmetric eigenvalue problem without vectors instead
    of two and the covariances of all rows. Equal sets are not measured twice.

    Parameters
    ----------
    real, other : list of ndarray, shape (n_rows, d)
        Features of each subject; without `other` both are the first.
    """

    def __init__(self, real: list[np.ndarray], other: list[np.ndarray] | None = None) -> None:
        self._real = _Cohort(real)
        self._other = self._real if other is None or other is real else _Cohort(other)
        self._measured: dict[tuple[bytes, bytes], float] = {}

    def __call__(self, first: np.ndarray, second: np.ndarray) -> float:
        """The distance between the subjects `first` of the one set and `second` of the other."""
        key = first.tobytes(), second.tobytes()
        if key not in self._measured:
            self._measured[key] = self._distance(first, second)
        return self._measured[key]

    def _distance(self, first: np.ndarray, second: np.ndarray) -> float:
        sides = (self._real, first), (self._other, second)
        if min(cohort.n_rows(chosen) for cohort, chosen in sides) < self._real.d:
            return frechet_distance(*(cohort.rows(chosen) for cohort, chosen in sides))
        one, two = sorted((cohort.moments(chosen) for cohort, chosen in sides), key=_effort)
        return frechet_from_root(one.mean, one.root(), two.mean, two.covariance())


@dataclass
class _Moments:
    """Mean (d,) and scatter (d, d), the covariance times n - 1, of the rows of some subjects; `kept` for later sets."""

    subjects: np.ndarray
    n: int
    mean: np.ndarray
    scatter: np.ndarray
    kept: bool = False
    known_root: np.ndarray | None = field(default=None)

    def covariance(self) -> np.ndarray:
        return self.scatter / (self.n - 1)

    def root(self) -> np.ndarray:
        if self.known_root is None:
            self.known_root = covariance_root(self.covariance())
        return self.known_root

    def without(self, rows: np.ndarray, subjects: np.ndarray) -> _Moments:
        """Moments of the remaining `subjects`, `rows` (n, d) being those of all others."""
        n = self.n - len(rows)
        centred = rows - self.mean  # about the earlier mean, so that nothing large cancels
        shift = -centred.sum(axis=0) / n
        scatter = self.scatter - centred.T @ centred - n * np.outer(shift, shift)
        return _Moments(subjects, n, self.mean + shift, scatter)


def _effort(moments: _Moments) -> int:
    """Where a root costs least: it is known, it will serve again, or it is of this distance alone."""
    return 0 if moments.known_root is not None else 1 if moments.kept else 2


class _Cohort:
    """Features of the subjects of a cohort, and the moments of its latest sets."""

    def __init__(self, features: list[np.ndarray]) -> None:
        self._features = features
        self._sizes = np.array([len(rows) for rows in features])
        self._kept: list[_Moments] = []
        self.d = features[0].shape[1] if features else 0

    def n_rows(self, chosen: np.ndarray) -> int:
        return int(self._sizes[chosen].sum())

    def rows(self, chosen: np.ndarray) -> np.ndarray:
        return np.concatenate([self._features[index] for index in chosen])

    def moments(self, chosen: np.ndarray) -> _Moments:
        for earlier in self._kept:
            remains = np.isin(earlier.subjects, chosen)
            if np.array_equal(earlier.subjects[remains], chosen):
                if remains.all():
                    return earlier
                left_out = earlier.subjects[~remains]
                if self.n_rows(left_out) < self.n_rows(chosen):
                    return earlier.without(self.rows(left_out), chosen)
        rows, _ = check_features(*[self.rows(chosen)] * 2)
        mean = rows.mean(axis=0)
        rows = rows - mean
        self._kept = [_Moments(chosen, len(rows), mean, rows.T @ rows, kept=True), *self._kept[: _KEPT - 1]]
        return self._kept[0]
