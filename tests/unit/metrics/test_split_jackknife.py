"""Quotients over splits: values and intervals by hand, who is left out where, and how often the interval is right."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from synthaug.metrics.split_jackknife import split_quotient


def test_one_split_of_means_by_hand():
    """A ratio of a mean to a constant: the jackknife gives the standard error of the mean."""
    values = np.array([1.0, 2.0, 4.0, 9.0])
    found, whole = split_quotient(lambda s: (values[s[0]].mean(), 2.0), [(np.arange(4),)], (0,), 0.95)
    assert found.value == 2.0 and whole.tolist() == [[4.0, 2.0]]
    half = stats.t.ppf(0.975, 3) * values.std(ddof=1) / np.sqrt(4) / 2
    assert found.high - found.value == pytest.approx(half)
    assert found.low == 0.0  # cut: 2 - half is below


def test_a_subject_is_left_out_on_every_side_of_its_cohort_and_of_no_other():
    seen = []

    def distances(split):
        seen.append(tuple(tuple(int(i) for i in part) for part in split))
        return 1.0, 1.0

    splits = [(np.array([0, 1, 2]), np.array([3, 4, 5]), np.array([0, 1, 2]))]
    assert split_quotient(distances, splits, (0, 0, 1), 0.95)[0] == (1.0, 1.0, 1.0)
    assert seen[0] == ((0, 1, 2), (3, 4, 5), (0, 1, 2))
    assert ((1, 2), (3, 4, 5), (0, 1, 2)) in seen and ((0, 1, 2), (3, 4, 5), (1, 2)) in seen
    assert ((0, 1, 2), (3, 5), (0, 1, 2)) in seen and len(seen) == 1 + 6 + 3


def test_splits_without_the_subject_are_not_measured_again():
    calls = []
    splits = [(np.arange(3),), (np.arange(3, 6),)]
    split_quotient(lambda s: (calls.append(s) or 1.0, 1.0), splits, (0,), 0.95)
    assert len(calls) == 2 + 6


def test_nothing_to_divide_by():
    with pytest.raises(ZeroDivisionError):
        split_quotient(lambda s: (1.0, 0.0), [(np.arange(4),)], (0,), 0.95)


def test_the_interval_holds_the_true_quotient_as_often_as_it_says():
    """Means of two kinds of subjects, the true quotient known: 2."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(300):
        real, made = rng.normal(4, 1, 20), rng.normal(8, 2, 16)
        orders = [(rng.permutation(20)[:10], rng.permutation(16)[:10]) for _ in range(5)]
        found, _ = split_quotient(
            lambda s, r=real, m=made: (m[s[1]].mean(), r[s[0]].mean()), orders, (0, 1), 0.95
        )
        held += found.low <= 2 <= found.high
    assert 0.92 <= held / 300 <= 1


def test_all_visits_of_a_patient_are_left_out_at_once():
    """Three patients with two equal visits each: the standard error of a mean of three."""
    values, patients = np.array([1.0, 1.0, 2.0, 2.0, 6.0, 6.0]), np.repeat(np.arange(3), 2)
    found, _ = split_quotient(
        lambda s: (100 + values[s[0]].mean(), 1.0), [(np.arange(6),)], (0,), 0.95, [patients]
    )
    half = stats.t.ppf(0.975, 2) * np.array([1.0, 2.0, 6.0]).std(ddof=1) / np.sqrt(3)
    assert found.high - found.value == pytest.approx(half)


def test_no_group_takes_a_small_set_below_two_subjects():
    """60 subjects would be left out in 40 groups of one or two neighbours, who here share a set of three."""
    sizes = []

    def distances(split):
        sizes.append(len(split[0]))
        return float(split[0].sum()), 1.0

    splits = [(np.arange(start, start + 3),) for start in range(0, 60, 3)]
    split_quotient(distances, splits, (0,), 0.95)
    assert (
        min(sizes) == 2 and len(sizes) == 20 + 60
    )  # each left out alone, and only from the set that it is in
    del sizes[:]
    split_quotient(distances, [(np.arange(60),)], (0,), 0.95)
    assert min(sizes) == 58 and len(sizes) == 1 + 40  # a large set keeps its groups
