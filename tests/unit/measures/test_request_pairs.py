"""Generators that answered the same requests: hand-made answers, what is paired, and how wide the intervals are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from synthaug.config.evaluation import EvaluationSettings
from synthaug.measures.measurement import Measurement
from synthaug.measures.request_pairs import Answers, _correlation, compare_requests

SETTINGS = EvaluationSettings(replicates=400)
MEASUREMENT = Measurement({"fold": 0, "generator_seed": 0}, SETTINGS)


def answers(
    name: str,
    asked: np.ndarray,
    error: np.ndarray,
    dice: np.ndarray,
    refused: tuple[int, ...] = (),
    copied: tuple[int, ...] = (),
) -> Answers:
    """One request a value of `asked` (mL); the `refused` were sampled three times in vain."""
    numbers = np.arange(len(asked))
    subjects = np.array([f"{name}-s0-{number:04d}" for number in numbers])
    kept = ~np.isin(numbers, refused)
    attempts = [
        {"subject": subject, "accepted": bool(there)}
        for subject, there in zip(subjects, kept, strict=True)
        for _ in range(1 if there else 3)
    ]
    own = subjects[kept]
    return Answers(
        cohort=pd.DataFrame({"subject": own, "requested_lv_edv_ml": asked[kept]}).set_index(
            "subject", drop=False
        ),
        attempts=pd.DataFrame(attempts),
        measured=pd.DataFrame({"subject": own, "lv_edv_ml": (asked + error)[kept]}),
        agreement=pd.DataFrame(
            {"subject": own, "structure": "LV", "phase": "ED", "mask_agreement_dice": dice[kept]}
        ),
        copies=pd.DataFrame({"subject": own[::-1], "copy": np.isin(numbers, copied)[kept][::-1]}),
    )


def found(rows: pd.DataFrame, target: str) -> pd.Series:
    own = rows[rows["target"] == target]
    own = own[own["structure"].isna() | (own["structure"] == "LV")]
    (row,) = own.to_dict("records")
    return pd.Series(row)


def test_differences_of_hand_made_answers() -> None:
    rng = np.random.default_rng(0)
    asked = rng.uniform(80, 240, 20)
    exact, dice = np.zeros(20), rng.uniform(0.8, 0.95, 20)
    first = answers("a", asked, exact, dice)
    second = answers("b", asked, rng.normal(0, 60, 20), dice - 0.03, refused=(3, 7), copied=(0, 1, 2))
    rows = compare_requests({"a": first, "b": second}, MEASUREMENT)
    assert set(rows["generator"]) == {"b"} and set(rows["other_generator"]) == {"a"}
    # Of b 18 of 24 samples were accepted, of a all.
    accepted = found(rows, "acceptance_rate")
    assert accepted["value"] == pytest.approx(18 / 24 - 1) and accepted["n"] == 20
    assert found(rows, "copied_share")["value"] == pytest.approx(3 / 18)
    kept = np.delete(np.arange(20), [3, 7])
    measured = second.measured["lv_edv_ml"].to_numpy()
    r = found(rows, "controllability_r_lv_edv_ml")
    assert r["value"] == pytest.approx(np.corrcoef(asked[kept], measured)[0, 1] - 1) and r["n"] == 18
    assert (r["versus"], r["structure"], r["phase"]) == ("segmenter", "LV", "ED")
    overlap = found(rows, "mask_agreement_dice")
    assert overlap["value"] == pytest.approx((dice - 0.03)[kept].mean() - dice.mean())


def test_a_correlation_needs_two_requests_that_differ() -> None:
    rng = np.random.default_rng(0)
    for x, y in rng.normal(100, 10, (200, 2, 3)):
        assert np.isnan(_correlation(x, y)(3 * np.eye(3))).all()  # one of the three, drawn three times
        assert np.isnan(_correlation(np.full(3, x[0]), y)(np.ones((1, 3)))).all()
    x, y = np.array([1.0, 2, 4]), np.array([3.0, 5, 4])
    assert _correlation(x, y)(np.ones((1, 3)))[0] == pytest.approx(np.corrcoef(x, y)[0, 1])


def test_no_copy_of_either_is_no_certainty() -> None:
    asked = np.linspace(80, 240, 40)
    pair = {name: answers(name, asked, np.zeros(40), np.full(40, 0.9)) for name in "ab"}
    row = found(compare_requests(pair, MEASUREMENT), "copied_share")
    # Wilson's upper end of 0 of 40 is z^2 / (40 + z^2) = 0.0876, from either side.
    assert row["value"] == 0 and row["ci_high"] == pytest.approx(0.0876, abs=1e-4)
    assert row["ci_low"] == pytest.approx(-row["ci_high"])


def test_what_both_find_hard_does_not_widen_the_interval() -> None:
    """Dice differs by 0.03 on every request, and by 0.1 between requests: only the pairing tells the first."""
    rng = np.random.default_rng(1)
    asked, dice = rng.uniform(80, 240, 40), rng.normal(0.8, 0.1, 40)
    pair = {"a": answers("a", asked, np.zeros(40), dice), "b": answers("b", asked, np.zeros(40), dice - 0.03)}
    row = found(compare_requests(pair, MEASUREMENT), "mask_agreement_dice")
    assert row["ci_low"] == pytest.approx(-0.03) and row["ci_high"] == pytest.approx(-0.03)


def test_intervals_cover_the_difference_of_two_trainings() -> None:
    """Heavy tails shared by both generators, rejected samples at random: 95 % intervals of the mean Dice of these trainings."""
    inside = 0
    for repeat in range(150):
        rng = np.random.default_rng(repeat)
        shared = 0.05 * rng.standard_t(3, 50)
        dice = [0.85 + shared + 0.02 * rng.standard_t(3, 50), 0.83 + shared + 0.02 * rng.standard_t(3, 50)]
        refused = [tuple(np.flatnonzero(rng.random(50) < 0.1)) for _ in range(2)]
        asked = rng.uniform(80, 240, 50)
        pair = {
            name: answers(name, asked, rng.normal(0, 5, 50), dice[side], refused[side])
            for side, name in enumerate("ab")
        }
        row = found(compare_requests(pair, MEASUREMENT), "mask_agreement_dice")
        inside += row["ci_low"] <= -0.02 <= row["ci_high"]
    assert inside / 150 > 0.88


def test_too_few_common_requests_are_not_measured() -> None:
    asked = np.linspace(80, 240, 6)
    first = answers("a", asked, np.zeros(6), np.full(6, 0.9), refused=(0, 1, 2))
    second = answers("b", asked, np.zeros(6), np.full(6, 0.9), refused=(3, 4))
    rows = compare_requests({"a": first, "b": second}, MEASUREMENT)
    r = found(rows, "controllability_r_lv_edv_ml")
    assert r["status"] == "not_measured" and r["n"] == 1 and "1 requests" in r["note"]
    assert found(rows, "acceptance_rate")["status"] == "ok"


def test_what_one_of_them_is_not_conditioned_on_is_not_compared() -> None:
    asked = np.linspace(80, 240, 10)
    pair = {name: answers(name, asked, np.zeros(10), np.full(10, 0.9)) for name in "ab"}
    assert "controllability_r_lv_edv_ml" in set(compare_requests(pair, MEASUREMENT)["target"])
    pair["b"] = replace(pair["b"], conditions=("diagnosis",))
    targets = set(compare_requests(pair, MEASUREMENT)["target"])
    assert targets == {"acceptance_rate", "copied_share", "mask_agreement_dice"}


def test_without_a_segmenter_what_needs_none_is_compared() -> None:
    asked = np.linspace(80, 240, 6)
    pair = {}
    for name in "ab":
        one = answers(name, asked, np.zeros(6), np.full(6, 0.9))
        pair[name] = Answers(one.cohort, one.attempts, None, None, one.copies)
    assert set(compare_requests(pair, MEASUREMENT)["target"]) == {"acceptance_rate", "copied_share"}
