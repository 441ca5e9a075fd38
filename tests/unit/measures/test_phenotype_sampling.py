"""Rows of phenotype sampling: nothing where the model is the population, something where it is not, copies found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from phenotype_population import PHENOTYPES, fitted, hearts

from synthaug.config.evaluation import EvaluationSettings
from synthaug.measures.measurement import Measurement
from synthaug.measures.phenotype_sampling import (
    _distances,
    _Hearts,
    correlation_difference,
    measure_phenotype_sampling,
    wasserstein,
)
from synthaug.metric_registry import in_group
from synthaug.models.phenotype_sampler import PhenotypeSampler
from synthaug.tables.schema import check_rows, typed

MEASUREMENT = Measurement(
    {"generator": "sampler", "fold": 0, "generator_seed": 0}, EvaluationSettings(splits=4, replicates=100)
)


@pytest.fixture(scope="module")
def population() -> pd.DataFrame:
    return hearts(240, missing=0.1)


@pytest.fixture(scope="module")
def copula(population) -> PhenotypeSampler:
    return fitted("phenotype_copula", population.head(160))


@pytest.fixture(scope="module")
def rows(copula, population) -> pd.DataFrame:
    return measure_phenotype_sampling(copula, population.head(160), population.tail(80), MEASUREMENT)


def of(rows: pd.DataFrame, metric: str, versus: str = "real train", target: str | None = None) -> pd.Series:
    chosen = rows[(rows["metric"] == metric) & (rows["versus"].fillna(versus) == versus)]
    if target is not None:
        chosen = chosen[chosen["target"] == target]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_distances_by_hand() -> None:
    assert wasserstein(np.array([0.0, 2, np.nan]), np.array([1.0, 3])) == 1
    assert np.isnan(wasserstein(np.array([np.nan]), np.array([1.0])))
    line = np.array([0.0, 1, 2, 3])
    same, opposite = np.stack([line, line], 1), np.stack([line, -line], 1)
    assert correlation_difference(same, opposite) == pytest.approx(2)
    holed = np.concatenate([opposite, [[5.0, np.nan], [np.nan, 7.0]]])
    assert correlation_difference(same, holed) == pytest.approx(2)
    assert np.isnan(correlation_difference(same, np.stack([line, np.ones(4)], 1)))


def test_a_phenotype_of_few_patients_is_compared_at_their_number() -> None:
    # "b" is known of 12 of 60 real patients: 6 against 6. All are standard normal, so the value is that of the floor.
    found = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        real, drawn = rng.normal(size=(60, 2)), rng.normal(size=(1000, 2))
        real[np.arange(60) % 5 != 0, 1] = np.nan
        sides = (_Hearts(pd.DataFrame(side, columns=["a", "b"]), side) for side in (real, drawn))
        made = list(_distances(*sides, Measurement({}, EvaluationSettings(splits=10, seed=seed))))
        found += [row for row in made if row["metric"] == "phenotype_wasserstein"]
        corr = next(row for row in made if row["metric"] == "phenotype_correlation_difference")
        assert corr["n"] == 30
    assert {(row["target"], row["n"]) for row in found} == {("a", 30), ("b", 6)}
    few = [row for row in found if row["target"] == "b"]
    value, floor = (np.mean([row[column] for row in few]) for column in ("value", "floor"))
    assert value == pytest.approx(floor, abs=0.1)
    assert value == pytest.approx(0.628, abs=0.15)  # mean Wasserstein distance of two samples of 6, simulated


def test_rows_are_of_the_group_complete_and_valid(rows) -> None:
    assert {metric.removesuffix("_ratio") for metric in rows["metric"]} == set(in_group("phenotype sampling"))
    assert set(rows["target"].dropna()) == set(PHENOTYPES) and (rows["status"] == "ok").all()
    assert len(check_rows(typed(rows.copy(), "rows"), "rows")) == len(rows)
    assert not rows.duplicated(["metric", "versus", "target"]).any()


def test_a_model_of_the_population_is_at_the_floor(rows) -> None:
    for name in PHENOTYPES:
        row = of(rows, "phenotype_wasserstein", target=name)
        assert row["value"] < row["floor"] + 3 * row["floor_sd"]
        low, high = of(rows, "phenotype_mean_difference", target=name)[["ci_low", "ci_high"]]
        assert low < 0.1 and high > -0.1
    frechet = of(rows, "phenotype_frechet_ratio")
    assert 0.5 < frechet["value"] < 1.6 and frechet["ci_low"] < 1.2
    row = of(rows, "phenotype_correlation_difference")
    assert row["value"] < row["floor"] + 3 * row["floor_sd"]
    # Of new patients a share of 0.05 is as near: at most 4 of 72 or so, by the rank of the smallest p-values.
    assert of(rows, "phenotype_unusually_near_share")["p_value"] > 0.01


class _Other:
    """The copula with other draws."""

    def __init__(self, copula: PhenotypeSampler, change) -> None:
        self._copula, self._change = copula, change

    def __getattr__(self, name: str):
        return getattr(self._copula, name)

    def sample(self, n, generator, diagnosis=None):
        samples = self._copula.sample(n, generator, diagnosis)
        return samples._replace(table=self._change(samples.table), drawn=samples.drawn + 250)


def test_shifts_and_rejections_are_seen(copula, population) -> None:
    shifted = _Other(copula, lambda table: table.assign(strain=table["strain"] + population["strain"].std()))
    rows = measure_phenotype_sampling(shifted, population.head(160), population.tail(80), MEASUREMENT)
    # By one SD of all subjects; that of the training subjects differs a little.
    assert of(rows, "phenotype_mean_difference", target="strain")["value"] == pytest.approx(1, abs=0.25)
    row = of(rows, "phenotype_wasserstein", target="strain")
    assert row["value"] == pytest.approx(1, abs=0.3) and row["ci_low"] > row["floor"]
    assert of(rows, "phenotype_impossible_share")["value"] == pytest.approx(0.2)
    assert of(rows, "phenotype_frechet_ratio")["value"] > 2


def test_a_phenotype_in_which_patients_do_not_differ_has_no_deviations(copula, population) -> None:
    alike = population.assign(strain=-15.0)
    rows = measure_phenotype_sampling(copula, alike.head(160), alike.tail(80), MEASUREMENT)
    row = of(rows, "phenotype_mean_difference", target="strain")
    assert row["status"] == "not_measured" and "do not differ" in row["note"]
    assert of(rows, "phenotype_wasserstein", target="strain")["status"] == "not_measured"
    assert of(rows, "phenotype_frechet")["status"] == "ok"
    assert not np.isinf(rows.select_dtypes("number").to_numpy(np.float64)).any()


def test_copies_are_seen(copula, population) -> None:
    complete = population.head(160).dropna(subset="myo_mass_g")[PHENOTYPES]

    def copied(table: pd.DataFrame) -> pd.DataFrame:
        return complete.sample(len(table), replace=True, random_state=0).reset_index(drop=True) * 1.0001

    rows = measure_phenotype_sampling(
        _Other(copula, copied), population.head(160), population.tail(80), MEASUREMENT
    )
    near = of(rows, "phenotype_unusually_near_share")
    assert near["value"] > 0.99 and near["p_value"] < 1e-6
    assert of(rows, "phenotype_conformal_p")["value"] < 0.05


def test_visits_count_once_and_few_patients_say_nothing(copula, population) -> None:
    visits = population.head(160).assign(patient=[f"p{number // 40}" for number in range(160)])
    rows = measure_phenotype_sampling(copula, visits, population.tail(2), MEASUREMENT)
    assert of(rows, "phenotype_mean_difference", target="strain")["n"] == 4
    assert of(rows, "phenotype_frechet")["status"] == "not_measured"
    row = of(rows, "phenotype_unusually_near_share")
    assert row["status"] == "not_measured" and "training and 2 held-out" in row["note"]


def test_the_same_seed_gives_the_same_rows(copula, population, rows) -> None:
    again = measure_phenotype_sampling(copula, population.head(160), population.tail(80), MEASUREMENT)
    pd.testing.assert_frame_equal(rows, again)


@pytest.mark.parametrize("n", [1, 3, 7, 11, 13])
def test_few_patients_give_rows_that_say_so_and_never_an_exception(copula, population, n) -> None:
    settings = EvaluationSettings(splits=20, replicates=100)
    few = measure_phenotype_sampling(
        copula, population.head(n), population.tail(n), Measurement(MEASUREMENT.fields, settings)
    )
    assert len(check_rows(typed(few.copy(), "rows"), "rows")) == len(few)
    distance = of(few, "phenotype_wasserstein", target=PHENOTYPES[0])
    assert distance["status"] == ("ok" if n == 13 else "not_measured")
    if n < 12:
        assert "12 are needed" in distance["note"]
