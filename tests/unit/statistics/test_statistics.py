"""Comparisons of arms: numbers by hand, error rates in simulated studies, who is compared with whom."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from synthaug.config.arms import Arm, ArmSettings, comparisons_of, resolve_arms
from synthaug.config.evaluation import EvaluationSettings
from synthaug.metric_registry import columns_of
from synthaug.statistics import paired_tests
from synthaug.statistics.bootstrap import Bootstrap, resample_trainings
from synthaug.statistics.comparisons import compare_arms, measure_arms
from synthaug.statistics.contrast import contrast_precision
from synthaug.statistics.mixed import mixed_difference
from synthaug.statistics.paired_tests import holm, sign_flip_p, wilcoxon_p
from synthaug.statistics.power import detectable_difference, patients_needed
from synthaug.statistics.precision import Precision, Spread
from synthaug.statistics.ranking import rank_stability
from synthaug.statistics.scores import Scores, average_visits
from synthaug.statistics.trend import dose_series, page_trend_p, slope_weights
from synthaug.tables import make_table

REAL = Arm("real", True, None, 0.0)
PLUS = Arm("plus", True, "cascade", 1.0)
REPEATED = Arm("plus-repeated", True, "cascade", 1.0, "repeated", "plus")
ONLY = Arm("only", False, "cascade", 1.0)
ARMS = [REAL, PLUS, ONLY, REPEATED]
SETTINGS = EvaluationSettings(replicates=500, mixed_model=False)


def scores(effect: dict[str, float], patients: int = 20, training_seeds: int = 3, noise: float = 0.01,
           arms: list[Arm] = ARMS) -> pd.DataFrame:  # fmt: skip
    rng = np.random.default_rng(0)
    rows = []
    base = rng.normal(0.8, 0.05, patients)
    for arm, training_seed, patient in itertools.product(arms, range(training_seeds), range(patients)):
        for structure, phase in (("LV", "ED"), ("LV", "ES"), ("RV", "ED")):
            value = base[patient] + effect.get(arm.name, 0) + noise * rng.normal()
            rows.append({**columns_of("dice"), "status": "ok", "value": value, "structure": structure,
                         "phase": phase, "subject": f"p{patient}", "arm": arm.name, "fold": 0,
                         "vendor": "AB"[patient % 2], "training_seed": training_seed,
                         "generator_seed": 0 if arm.generator else None})  # fmt: skip
    return make_table(rows)


def one(rows: pd.DataFrame, metric: str, arm: str, versus: str | None = None, structure: str | None = None,
        vendor: str | None = None) -> pd.Series:  # fmt: skip
    found = rows[(rows["metric"] == metric) & (rows["arm"] == arm)]
    for column, value in (("versus", versus), ("structure", structure), ("vendor", vendor)):
        found = found[found[column] == value] if value else found[found[column].isna()]
    return found.iloc[0]


def arm_scores(
    values: np.ndarray,
    folds: list[int] | None = None,
    generator_seeds: list[int] | None = None,
    training_seeds: list[int] | None = None,
) -> Scores:
    runs = values.shape[1]
    seeds = np.arange(runs, dtype=float) if training_seeds is None else np.array(training_seeds, float)
    draws = np.array(generator_seeds or [-1] * runs, float)
    return Scores(values, np.array(folds or [0] * runs, float), draws, seeds)


def test_wilcoxon() -> None:
    assert wilcoxon_p(np.array([0.1, 0.2, 0.3, 0.4, 0.5])) == pytest.approx(0.0625)  # 2 / 2^5
    assert wilcoxon_p(np.arange(1, 7)) == pytest.approx(0.03125)
    assert wilcoxon_p(np.zeros(8)) == 1.0
    differences = np.random.default_rng(0).normal(0.1, 1, 30)
    assert wilcoxon_p(differences) == pytest.approx(stats.wilcoxon(differences).pvalue)
    many = np.random.default_rng(0).normal(0.3, 1, 80)
    assert wilcoxon_p(many) == pytest.approx(stats.wilcoxon(many).pvalue)


def test_wilcoxon_with_ties_and_zeros_is_exact() -> None:
    # The ranks are 1.5, 1.5 and 3, of which -0.1 has 1.5: three of eight sign patterns have a sum of at most 1.5.
    assert wilcoxon_p(np.array([0.0, 0.1, -0.1, 0.2])) == pytest.approx(2 * 3 / 8)
    rng = np.random.default_rng(0)
    for n in range(2, 12):
        differences = rng.integers(-4, 7, n) / 10  # SciPy ranks all 2^n sign patterns of so few
        if differences.any():
            assert wilcoxon_p(differences) == pytest.approx(stats.wilcoxon(differences).pvalue)
    # 16 equal ranks: at most 3 negative ones, binomial. SciPy takes the normal distribution here.
    sixteen = np.where(np.arange(16) < 3, -0.1, 0.1)
    assert wilcoxon_p(sixteen) == pytest.approx(2 * (1 + 16 + 120 + 560) / 2**16)


def test_sign_flips_by_hand() -> None:
    assert sign_flip_p(np.array([0.1, 0.2, 0.3, 0.4, 0.5])) == 2 / 32
    assert sign_flip_p(np.array([3.0, -1.0])) == 1.0  # |sum| is 2, 4, 4, 2 over the four patterns
    assert sign_flip_p(np.array([1.0, 1.0, -1.0])) == 1.0
    assert sign_flip_p(np.ones(20), permutations=999) == 1 / 1000  # 2 of 2^20 patterns: none is drawn
    differences = np.random.default_rng(1).normal(0.3, 1, 40)
    reference = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=9999, rng=np.random.default_rng(0)
    )
    assert sign_flip_p(differences) == pytest.approx(reference.pvalue, abs=0.02)


def test_sign_flips_in_blocks_are_those_of_one_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    differences = np.random.default_rng(2).normal(0.3, 1, 31)
    signs = np.random.default_rng(7).integers(0, 2, (999, 31)) * 2 - 1
    reached = int((np.abs(signs @ differences) >= np.abs(differences.sum()) - 1e-9).sum())
    monkeypatch.setattr(paired_tests, "_SIGNS", 31 * 10)
    assert sign_flip_p(differences, 999, 7) == pytest.approx((reached + 1) / 1000)
    assert paired_tests._random_signs(31, 999, 7).dtype == np.int8


def test_variance_parts_by_hand() -> None:
    # Trainings of the first arm shift every patient alike: means 1 and 3; the second arm's are alike.
    ours = arm_scores(np.array([[1.0, 3.0], [2.0, 4.0], [0.0, 2.0]]))
    theirs = arm_scores(np.zeros((3, 2)))
    found = contrast_precision([ours, theirs], [1, -1])
    assert found is not None
    (spread,) = found.spreads
    assert found.value == pytest.approx(2) and spread.patients == pytest.approx(1 / 3)  # var(2, 3, 1) / 3
    assert spread.trainings == pytest.approx([1]) and spread.noise == pytest.approx([0])
    assert spread.trainings_df.tolist() == [1]
    variance, df = spread.variance()
    assert variance == pytest.approx(4 / 3)
    assert df == pytest.approx((4 / 3) ** 2 / (1 + (1 / 3) ** 2 / 2))
    # Training seeds of its own: the arms vary independently.
    apart = contrast_precision([ours, theirs._replace(training_seeds=np.array([7.0, 8.0]))], [1, -1])
    assert apart is not None and apart.spreads[0].trainings == pytest.approx([1, 0])
    assert apart.spreads[0].trainings_df.tolist() == [1, 1]


def test_what_arms_of_one_training_seed_share_cancels() -> None:
    rng = np.random.default_rng(0)
    shared, own = 0.05 * rng.normal(size=4), 0.001 * rng.normal(size=(2, 4))
    arms = [arm_scores(rng.normal(size=(30, 1)) * 0.01 + shared + part) for part in own]
    paired = contrast_precision(arms, [1, -1])
    apart = contrast_precision([arms[0], arms[1]._replace(training_seeds=np.arange(4) + 9.0)], [1, -1])
    assert paired is not None and apart is not None
    difference = own[0] - own[1]
    assert paired.spreads[0].trainings == pytest.approx([difference.var(ddof=1) / 4])
    assert paired.spreads[0].trainings.sum() < apart.spreads[0].trainings.sum() / 100


def test_three_generator_seeds_are_units() -> None:
    seeds = [0.0, 0.1, 0.3]  # of the trainings
    values = np.tile([[draw + seed for draw in (0.0, 4.0, 8.0) for seed in seeds]], (5, 1))
    layout = {"generator_seeds": [0, 0, 0, 1, 1, 1, 2, 2, 2], "training_seeds": [0, 1, 2] * 3}
    found = contrast_precision([arm_scores(values, **layout)], [1])
    assert found is not None and found.generator_trainings == 3
    trainings, generators = found.spreads
    assert trainings.trainings == pytest.approx([np.var(seeds, ddof=1) / 3])
    assert generators.trainings == pytest.approx([16 / 3])  # means 0, 4 and 8: variance 16, over 3
    low, high = stats.ttest_1samp([0, 4, 8], 0).confidence_interval(0.95)
    assert np.diff(found.interval(0.95)) == pytest.approx(high - low)  # the wider of both


def test_two_generator_seeds_leave_their_variation_out() -> None:
    values = np.tile([0.0, 0.1, 0.3, 4.0, 4.1, 4.3], (5, 1)) + np.arange(5)[:, None]
    arm = arm_scores(values, generator_seeds=[0, 0, 0, 1, 1, 1], training_seeds=[0, 1, 2] * 2)
    found = contrast_precision([arm], [1])
    assert found is not None and found.generator_trainings == 2 and len(found.spreads) == 1
    assert found.spreads[0].trainings == pytest.approx([np.var([0, 0.1, 0.3], ddof=1) / 3])


def test_folds_weigh_as_many_as_they_test() -> None:
    values = np.full((6, 4), np.nan)
    values[:2, :2], values[2:, 2:] = [1.0, 3.0], [5.0, 5.0]
    found = contrast_precision([arm_scores(values, folds=[0, 0, 1, 1], training_seeds=[0, 1, 0, 1])], [1])
    assert found is not None
    (spread,) = found.spreads
    assert found.value == pytest.approx((2 * 2 + 4 * 5) / 6)
    assert spread.patients_df == 4 and spread.trainings_df.tolist() == [2]
    # Squares 2 over 2 degrees of freedom; each fold's mean of two trainings, weighted (1/3)^2 + (2/3)^2.
    assert spread.trainings == pytest.approx([5 / 9 / 2])


def test_three_folds_are_units() -> None:
    values = np.full((6, 3), np.nan)
    for fold, level in enumerate((1.0, 3.0, 8.0)):
        values[2 * fold : 2 * fold + 2, fold] = [level - 0.1, level + 0.1]
    found = contrast_precision([arm_scores(values, folds=[0, 1, 2], training_seeds=[0, 0, 0])], [1])
    assert found is not None and found.known  # one training a fold: the folds repeat it
    expected = stats.ttest_1samp([1, 3, 8], 0)
    assert found.interval(0.95) == pytest.approx(expected.confidence_interval(0.95))
    assert found.p_value() == pytest.approx(expected.pvalue)


def test_one_training_leaves_the_variation_between_trainings_unknown() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(10, 2))
    found = contrast_precision([arm_scores(values[:, :1]), arm_scores(values[:, 1:])], [1, -1])
    assert found is not None and not found.known
    assert found.interval(0.95) == pytest.approx(
        stats.ttest_rel(values[:, 0], values[:, 1]).confidence_interval(0.95)
    )
    rows = compare_arms(scores({"plus": 0.1}, training_seeds=1), ARMS, SETTINGS)
    row = one(rows, "dice_difference", "plus", "plus-repeated")
    assert row["status"] == "ok" and "variation between trainings is unknown" in row["note"]
    assert row[["p_value", "p_adjusted", "p_equivalence", "detectable"]].isna().all()
    assert row["p_wilcoxon"] < 1e-4


def test_only_trainings_that_test_the_patients_count_as_trainings_of_the_generator() -> None:
    # Three folds with a generator each; the patients at hand, of one vendor, are tested in the first.
    values = np.full((4, 6), np.nan)
    values[:, :2] = [[0.0, 0.1], [1.0, 1.2], [2.0, 2.1], [3.0, 3.3]]
    layout = {"folds": [0, 0, 1, 1, 2, 2], "generator_seeds": [0] * 6, "training_seeds": [0, 1] * 3}
    found = contrast_precision([arm_scores(values, **layout)], [1])
    assert found is not None and found.generator_trainings == 1


def test_arms_are_compared_in_the_folds_that_both_have() -> None:
    # Fold 0 is 1.0 higher for everybody, and the first arm has no value there. In fold 1 the arms are equal.
    ours = np.array([[np.nan, 0.0], [np.nan, 0.1], [np.nan, 0.05]])
    theirs = np.array([[1.0, 0.0], [1.1, 0.1], [1.05, 0.05]])
    layout = {"folds": [0, 1], "training_seeds": [0, 0]}
    found = contrast_precision([arm_scores(ours, **layout), arm_scores(theirs, **layout)], [1, -1])
    assert found is not None and found.value == pytest.approx(0) and found.n == 3


def test_an_arm_without_values_of_a_vendor_in_one_fold_is_compared_in_the_other() -> None:
    # Both folds test the same patients; REPEATED has no value of vendor A in fold 0, where all are 0.5 higher.
    table = pd.concat([scores({"plus": 0.01}).assign(fold=fold) for fold in (0, 1)], ignore_index=True)
    first = table["fold"] == 0
    table.loc[first, "value"] -= 0.5
    table = table[~(first & (table["arm"] == "plus-repeated") & (table["vendor"] == "A"))]
    row = one(compare_arms(table, ARMS, SETTINGS), "dice_difference", "plus", "plus-repeated", vendor="A")
    assert row["value"] == pytest.approx(0.01, abs=0.005) and row["n"] == 10
    assert row["boot_low"] < row["value"] < row["boot_high"]


def test_too_few_patients_have_no_precision() -> None:
    assert contrast_precision([arm_scores(np.ones((1, 3)))], [1]) is None
    assert contrast_precision([arm_scores(np.full((5, 3), np.nan))], [1]) is None


def test_equivalence_is_two_t_tests() -> None:
    differences = np.random.default_rng(3).normal(0.001, 0.01, 25)
    patients = Spread(differences.var(ddof=1) / 25, 24, np.full(2, np.nan), np.zeros(2), np.zeros(2, int))
    plain = Precision(differences.mean(), differences, (patients,))
    above = stats.ttest_1samp(differences, -0.005, alternative="greater").pvalue
    below = stats.ttest_1samp(differences, 0.005, alternative="less").pvalue
    assert plain.p_equivalence(0.005) == pytest.approx(max(above, below))
    assert plain.p_equivalence(1.0) < 1e-10 and plain.p_equivalence(1e-6) > 0.3
    assert plain.p_value() == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)


def known(n: int, deviation: float, training_variance: float) -> Precision:
    trainings = np.full(2, training_variance)
    spread = Spread(deviation**2 / n, n - 1, trainings, np.zeros(2), np.full(2, 4))
    return Precision(0.0, np.zeros(n), (spread,))


def test_detectable_difference_has_the_power_it_claims() -> None:
    size = detectable_difference(known(34, 1.0, 0.0), 0.05, 0.8)
    assert size == pytest.approx(0.4946, abs=5e-4)  # textbook: d = 0.5 needs 33.4 pairs
    critical = stats.t.ppf(0.975, 33)
    assert stats.nct.sf(critical, 33, size * np.sqrt(34)) == pytest.approx(0.8)


def test_patients_needed() -> None:
    assert patients_needed(known(10, 1.0, 0.0), 0.5, 0.05, 0.8) == 34
    # Trainings alone blur 0.5: no number of patients helps.
    assert patients_needed(known(10, 1.0, 0.5), 0.5, 0.05, 0.8) is None
    noisy = known(40, 1.0, 0.001)
    found = patients_needed(noisy, 0.5, 0.05, 0.8)
    assert found is not None and detectable_difference(noisy, 0.05, 0.8, found) <= 0.5
    assert detectable_difference(noisy, 0.05, 0.8, found - 1) > 0.5


def test_bootstrap_draws_trainings_within_their_fold_and_seed() -> None:
    # Patients 0 and 1 are tested in fold 0 only, 2 and 3 in fold 1 only: no draw may lose either fold.
    values = np.full((4, 4), np.nan)
    values[:2, :2], values[2:, 2:] = [1.0, 1.0], [3.0, 5.0]
    arm = arm_scores(values, folds=[0, 0, 1, 1])
    means = Bootstrap(np.array([0, 1]), ~np.isnan(values[:, ::2]), 400, 0).means(arm, 0)
    assert set(np.round(means, 12)) == {2.0, 2.5, 3.0}
    weights = resample_trainings(np.array([0, 0, 1, 1]), 500, np.random.default_rng(0))
    assert weights.sum(axis=1) == pytest.approx(1)
    # A drawn seed has half of the weight, however often its trainings are drawn.
    assert set(np.round(weights[:, :2].sum(axis=1), 12)) == {0.0, 0.5, 1.0}


def test_page_trend_and_slope() -> None:
    rising = [arm_scores(np.full((6, 2), level) + np.arange(6)[:, None]) for level in (0.0, 1.0, 2.0)]
    p = page_trend_p(rising)
    # All six patients rank the doses alike: one of 6 orders each, either way.
    assert p == pytest.approx(2 / 6**6)
    assert page_trend_p(rising[::-1]) == pytest.approx(p)
    assert slope_weights([0, 0.5, 1.0]) @ [1.0, 2.0, 3.0] == pytest.approx(2.0)


def test_rank_stability_by_hand() -> None:
    replicates = np.array([[0.9, 0.8, 0.7], [0.9, 0.8, 0.7], [0.8, 0.9, 0.7], [0.9, 0.9, 0.7]])
    found = rank_stability(np.array([0.9, 0.85, 0.7]), replicates, "higher")
    assert found.ranks.mean(axis=0) == pytest.approx([(1 + 1 + 2 + 1.5) / 4, (2 + 2 + 1 + 1.5) / 4, 3])
    assert found.first == pytest.approx([2.5 / 4, 1.5 / 4, 0])
    assert found.tau == pytest.approx((1 + 1 + 1 / 3 + 2 / np.sqrt(6)) / 4)
    lower = rank_stability(np.array([0.9, 0.85, 0.7]), replicates, "lower")
    assert lower.first == pytest.approx([0, 0, 1])


def test_mixed_model_finds_the_difference_or_says_why_not() -> None:
    table = scores({"plus": 0.03}, patients=10, training_seeds=2)
    table["patient"] = table["subject"]
    found = mixed_difference(table, "plus", "plus-repeated", 0.95)
    plain = one(compare_arms(table, ARMS, SETTINGS), "dice_difference", "plus", "plus-repeated")
    assert found["status"] == "ok" and found["value"] == pytest.approx(plain["value"], abs=1e-6)
    assert found["ci_low"] < found["value"] < found["ci_high"] and found["p_value"] < 0.01
    large = mixed_difference(average_visits(scores({}, patients=60)), "plus", "plus-repeated", 0.95)
    assert large["status"] == "not_measured" and "at most 600" in large["note"]
    assert mixed_difference(table, "plus", "absent", 0.95)["status"] == "not_measured"
    # Arms of real patients have no generator seed.
    seedless = mixed_difference(table.assign(generator_seed=np.nan), "plus", "plus-repeated", 0.95)
    assert seedless["status"] == "ok"


def test_who_is_compared() -> None:
    broken = Arm("plus-broken", True, "cascade", 1.0, "mislabelled", "plus")
    pairs = {(arm.name, other.name, counts) for arm, other, counts in comparisons_of([*ARMS, broken])}
    assert pairs == {
        ("plus", "plus-repeated", True),
        ("plus", "plus-broken", False),  # a yardstick: never of the verdict
        ("plus", "real", False),
        ("only", "real", False),
        ("plus-repeated", "real", False),
        ("plus-broken", "real", False),
    }


def test_means_and_differences_by_hand() -> None:
    rows = compare_arms(scores({"plus": 0.05}, noise=0.0), ARMS, SETTINGS)
    mean = one(rows, "dice_mean", "plus", structure="LV")
    expected = np.random.default_rng(0).normal(0.8, 0.05, 20).mean() + 0.05
    assert mean["value"] == pytest.approx(expected) and mean["n"] == 20
    assert mean["ci_low"] < mean["value"] < mean["ci_high"]
    for versus in ("real", "plus-repeated"):
        difference = one(rows, "dice_difference", "plus", versus)
        # Every patient gains exactly 0.05: the pairing leaves nothing to vary.
        for column in ("value", "ci_low", "ci_high", "boot_low", "boot_high"):
            assert difference[column] == pytest.approx(0.05), column
        assert difference["p_value"] < 1e-4 and difference["p_permutation"] == 1e-4
    same = one(rows, "dice_difference", "only", "real")
    assert same["p_value"] == same["p_wilcoxon"] == same["p_permutation"] == 1.0
    assert same["p_equivalence"] < 1e-4


def test_an_interval_of_a_mean_ends_where_the_metric_does() -> None:
    table = scores({}, training_seeds=2)
    table.loc[table["training_seed"] == 1, "value"] -= (
        0.3  # two trainings that differ much: one degree of freedom
    )
    mean = one(compare_arms(table, ARMS, SETTINGS), "dice_mean", "plus")
    assert (mean["ci_low"], mean["ci_high"]) == (0, 1)


def test_an_interval_of_a_difference_ends_where_that_of_the_metric_does() -> None:
    table = scores({}, training_seeds=2)
    apart = (table["training_seed"] == 1) & (table["arm"] == "plus")
    table.loc[apart, "value"] -= 0.6
    row = one(compare_arms(table, ARMS, SETTINGS), "dice_difference", "plus", "real")
    assert (row["ci_low"], row["ci_high"], row["detectable"]) == (-1, 1, 1)
    millimetres = one(
        compare_arms(table.assign(metric="hd95"), ARMS, SETTINGS), "hd95_difference", "plus", "real"
    )
    assert (
        millimetres["ci_low"] < -1 and millimetres["detectable"] > 1
    )  # no upper bound, so none of a difference


def test_effect_size_is_the_mean_over_the_deviation_of_the_differences() -> None:
    table = scores({"plus": 0.02})
    row = one(compare_arms(table, ARMS, SETTINGS), "dice_difference", "plus", "plus-repeated")
    means = table.groupby(["arm", "subject"])["value"].mean()
    differences = means["plus"] - means["plus-repeated"]
    assert row["effect_size"] == pytest.approx(differences.mean() / differences.std())


def test_the_family_is_pooled_unless_declared_otherwise() -> None:
    table = scores({"plus": 0.004})
    adjusted = compare_arms(table, ARMS, SETTINGS).query("p_adjusted.notna()")
    assert len(adjusted) == 1 and adjusted["structure"].isna().all() and adjusted["vendor"].isna().all()
    assert set(adjusted["versus"]) == {"plus-repeated"}
    finer = SETTINGS.model_copy(update={"family_level": "structure_phase"})
    adjusted = compare_arms(table, ARMS, finer).query("p_adjusted.notna()")
    assert len(adjusted) == 3 and adjusted["structure"].notna().all()  # three structure-phase places
    adjusted = adjusted.sort_values("p_value")  # Holm: the smallest of three times 3, the next times 2
    by_hand = np.maximum.accumulate(adjusted["p_value"].to_numpy() * [3, 2, 1]).clip(max=1)
    assert adjusted["p_adjusted"].to_numpy() == pytest.approx(by_hand)


def test_a_verdict_in_one_metric_needs_no_comparison_in_another() -> None:
    table = scores({"plus": 0.004})
    both = pd.concat([table, table.assign(**columns_of("hd95"))], ignore_index=True)
    settings = SETTINGS.model_copy(update={"family_level": "structure_phase"})
    row = one(
        compare_arms(both, ARMS, settings, ("dice", "hd95")), "dice_difference", "plus", "plus-repeated", "LV"
    )
    # Six comparisons in the family; three of them, in Dice, are needed for the verdict in Dice.
    _, members = measure_arms(both, ARMS, settings, ("dice", "hd95"))
    member = next(m for m in members if m.row["metric"] == "dice_difference")
    assert len(members) == 6
    expected = detectable_difference(member.precision, settings.alpha / 6, settings.power ** (1 / 3))
    assert row["detectable"] == pytest.approx(expected)


def test_vendors_are_compared_by_themselves_and_exploratory() -> None:
    table = scores({"plus": 0.0})
    table.loc[(table["arm"] == "plus") & (table["vendor"] == "B"), "value"] += 0.1
    rows = compare_arms(table, ARMS, SETTINGS)
    there, elsewhere = (one(rows, "dice_difference", "plus", "plus-repeated", vendor=v) for v in "BA")
    assert there["value"] == pytest.approx(elsewhere["value"] + 0.1, abs=0.02) and there["n"] == 10
    assert rows[rows["vendor"].notna()]["p_adjusted"].isna().all()


def test_doses_are_compared_among_arms_that_differ_in_nothing_else() -> None:
    settings = {
        "real": ArmSettings(),
        "half": ArmSettings(real=0.5),
        **{f"d{dose:g}": ArmSettings(generator="g", dose=dose) for dose in (1.0, 2.0)},
        "low": ArmSettings(real=0.5, generator="g", dose=3.0),
        "broken": ArmSettings(generator="g", dose=4.0, corruption="labels"),
    }
    series = dose_series(list(resolve_arms(settings).values()))
    assert [[arm.name for arm in members] for members in series] == [["real", "d1", "d2"]]


def test_trend_ranking_and_mixed_rows_are_exploratory() -> None:
    arms = [REAL, *(Arm(f"plus{dose}", True, "cascade", dose) for dose in (0.5, 1.0, 2.0))]
    effect = {"plus0.5": 0.02, "plus1.0": 0.04, "plus2.0": 0.08}
    rows = compare_arms(scores(effect, arms=arms), arms, SETTINGS)
    slope = rows[rows["metric"] == "dice_slope"].iloc[0]
    assert slope["value"] == pytest.approx(0.04, abs=0.005) and slope["p_value"] < 0.01
    trend = rows[rows["metric"] == "dice_trend"].iloc[0]
    assert trend["value"] == 1 and trend["p_value"] < 1e-4
    first = rows[rows["metric"] == "dice_first"].set_index("arm")["value"]
    assert first["plus2.0"] == 1 and first.sum() == pytest.approx(1)
    assert rows[rows["metric"] == "dice_rank_tau"].iloc[0]["value"] > 0.9
    others = rows[rows["metric"].isin(["dice_slope", "dice_trend", "dice_first", "dice_rank"])]
    assert (others["note"] == "exploratory").all()


def test_seeds_are_averaged_within_a_patient_and_order_does_not_matter() -> None:
    table = scores({"plus": 0.01})
    rows = compare_arms(table, ARMS, SETTINGS)
    shuffled = compare_arms(table.sample(frac=1, random_state=1), ARMS, SETTINGS)
    first, second = (one(t, "dice_difference", "plus", "real", "RV") for t in (rows, shuffled))
    for column in ("value", "ci_low", "p_value", "boot_low"):
        assert first[column] == pytest.approx(second[column])
    assert first["n"] == 20


def test_penalised_values_count_and_empty_ones_do_not() -> None:
    table = scores({}, noise=0.0)
    rv = (table["arm"] == "plus") & (table["structure"] == "RV") & (table["subject"] == "p0")
    table.loc[rv, ["value", "status"]] = [0.0, "missing_prediction"]
    rows = compare_arms(table, ARMS, SETTINGS)
    lost = table[(table["subject"] == "p0") & (table["arm"] == "real")]["value"].iloc[0]
    assert one(rows, "dice_difference", "plus", "real", "RV")["value"] == pytest.approx(-lost / 20)
    table.loc[rv, ["value", "status"]] = [np.nan, "empty_both"]
    rows = compare_arms(table, ARMS, SETTINGS)
    row = one(rows, "dice_difference", "plus", "real", "RV")
    assert row["n"] == 19 and row["value"] == pytest.approx(0)


def test_equal_answers_of_few_patients_are_not_certain():
    """Two arms right and wrong about the same 33 patients: as if of three patients the answers differed."""
    answers = np.arange(33.0)[:, None] % 2
    found = contrast_precision([arm_scores(answers), arm_scores(answers)], [1, -1])
    low, high = found.interval(0.95)
    # t of 32 degrees of freedom times sqrt(3) / 33.
    assert (low, high) == pytest.approx((-0.1069, 0.1069), abs=1e-4)
    assert found.p_value() == 1 and found.p_equivalence(0.05) == pytest.approx(0.174, abs=1e-3)
    # Distances in mm, or Dice, that are equal of all patients are of equal masks.
    same = contrast_precision([arm_scores(answers / 3), arm_scores(answers / 3)], [1, -1])
    assert same.interval(0.95) == (0, 0)
    perfect = contrast_precision([arm_scores(np.ones((33, 1)))], [1])
    assert perfect.interval(0.95)[0] == pytest.approx(1 - 0.1069, abs=1e-4)


def test_answers_that_differ_by_the_margin_are_seldom_called_equivalent():
    """One arm is wrong about a patient in twenty of whom the other is right: of 33 patients about none with a chance of 0.18."""
    generator = np.random.default_rng(0)
    called = 0
    for _ in range(200):
        of_both, differ = generator.integers(0, 2, (33, 1)).astype(float), generator.random((33, 1)) < 0.05
        better, worse = (arm_scores(np.where(differ, answer, of_both)) for answer in (1.0, 0.0))
        called += contrast_precision([better, worse], [1, -1]).p_equivalence(0.05) < 0.05
    assert called <= 10  # of 200, 5 %


def test_holm_multiplies_from_the_smallest_on() -> None:
    assert holm([0.04, 0.01, 0.03, 0.6]).tolist() == pytest.approx([0.09, 0.04, 0.09, 0.6])
    found = np.random.default_rng(0).random((20, 7)).round(1) ** 3  # with ties
    for p_values in found:
        assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_an_arm_without_scores_is_not_measured() -> None:
    table = scores({})
    rows = compare_arms(table[table["arm"] != "plus-repeated"], ARMS, SETTINGS)
    row = one(rows, "dice_difference", "plus", "plus-repeated")
    assert row["status"] == "not_measured" and row["n"] == 0


@pytest.mark.parametrize("design", [{"trainings": 4}, {"folds": 4, "fold_sd": 0.01}, {"generator_sd": 0.01}])
def test_error_rates_and_power_in_simulated_studies(design, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[3] / "benchmarks")
    from verdict_validity import Design, measure

    found = measure(Design(40, **design), studies=150, seed=0)
    # Binomial bounds at 150 studies, about three standard errors wide; the benchmark states them with 1,000.
    assert found["coverage"] >= 89.5
    assert found["family"] <= 11 and found["words"] <= 5 and found["equivalent"] <= 5
    if "generator_sd" in design:  # one training of the generator: the verdict says that it is about this one
        assert found["coverage any"] < found["coverage"] and found["words any"] > found["words"]


def test_real_data_only_has_no_generator_seeds_but_its_trainings_count() -> None:
    rng = np.random.default_rng(0)
    layout = {"generator_seeds": [0, 0, 1, 1, 2, 2], "training_seeds": [0, 1] * 3}
    plus = arm_scores(rng.normal(size=(5, 6)) + np.repeat([0.0, 4.0, 8.0], 2), **layout)
    real = arm_scores(np.tile([0.0, 6.0], (5, 1)), training_seeds=[0, 1])
    found = contrast_precision([plus, real], [1, -1])
    assert found is not None and found.generator_trainings == 3
    # Of the trainings of real data, 0 and 6: variance 18, over 2; beside the generator seeds.
    assert found.spreads[1].trainings == pytest.approx([16 / 3, 9], rel=0.2)
    assert found.spreads[1].trainings_df.tolist() == [2, 1]


def test_two_generator_seeds_are_no_units_where_the_arms_are_not_paired() -> None:
    rng = np.random.default_rng(0)
    layout = {"generator_seeds": [0, 0, 0, 1, 1, 1], "training_seeds": [0, 1, 2] * 2}
    arms = [arm_scores(rng.normal(size=(5, 6)), **layout) for _ in range(2)]
    apart = contrast_precision(
        [arms[0], arms[1]._replace(training_seeds=arms[1].training_seeds + 9)], [1, -1]
    )
    assert apart is not None and len(apart.spreads) == 1
