"""Fréchet distances of sets with subjects left out equal those computed anew, and equal sets are not measured twice."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.measures import subject_frechet
from synthaug.measures.subject_frechet import SubjectFrechet
from synthaug.metrics.frechet import frechet_distance


def rows_of(n: int, seed: int, d: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [100 + rng.normal(size=(4, d)) * rng.uniform(0.5, 2) for _ in range(n)]


@pytest.mark.parametrize("d", [3, 30])
def test_left_out_subjects_change_the_distance_as_they_should(d):
    real, other = rows_of(10, 0, d), rows_of(8, 1, d)
    distance = SubjectFrechet(real, other)
    every, others = np.arange(6), np.arange(8)
    pairs = [(every, others)]
    pairs += [(np.delete(every, i), others) for i in every] + [(every, np.delete(others, i)) for i in others]
    pairs += [(np.repeat(every[:3], 2), others), (every[:1], others), (np.delete(every, [0, 3]), others[2:])]
    for first, second in pairs:
        anew = frechet_distance(
            np.concatenate([real[i] for i in first]), np.concatenate([other[i] for i in second])
        )
        assert distance(first, second) == pytest.approx(anew, rel=1e-9, abs=1e-9)


def test_roots_of_what_did_not_change_are_taken_once(monkeypatch):
    taken = []
    root = subject_frechet.covariance_root
    monkeypatch.setattr(subject_frechet, "covariance_root", lambda c: (taken.append(1), root(c))[1])
    distance = SubjectFrechet(rows_of(10, 0), rows_of(8, 1))
    every, others = np.arange(10), np.arange(8)
    for chosen in (others, *(np.delete(others, i) for i in others)):
        distance(every, chosen)
    assert len(taken) == 1
    distance(every, others)  # measured before
    assert len(taken) == 1
    for chosen in (np.delete(every, i) for i in every):  # now the other side is the one that stays
        distance(chosen, others)
    assert len(taken) == 2
