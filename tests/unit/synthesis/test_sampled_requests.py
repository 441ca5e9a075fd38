"""Requests from a model of phenotypes: reproducible, possible, and what cannot be is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from phenotype_population import PHENOTYPES, fitted, hearts

from synthaug.config.data import HarmonisationSettings
from synthaug.config.synthesis import RequestSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.models.phenotype_sampler import PhenotypeSampler
from synthaug.phenotypes.coordinates import violations
from synthaug.synthesis.plan_requests import plan_requests
from synthaug.synthesis.requests import write_requests

GRID = HarmonisationSettings(matrix=(10, 64, 64), frames=12, spacing_mm=(8, 2, 2))


@pytest.fixture(scope="module")
def training() -> pd.DataFrame:
    return hearts(60)


@pytest.fixture(scope="module")
def copula(training) -> PhenotypeSampler:
    return fitted("phenotype_copula", training)


def plan(training, sampler, count=12, seed=0, generator="g", **settings: object) -> Cohort:
    return plan_requests(training, RequestSettings(**settings), generator, range(count), seed, GRID, sampler)


def test_more_requests_begin_with_the_fewer_and_seeds_and_generators_keep_their_promise(
    training, copula
) -> None:
    first = plan(training, copula).table
    pd.testing.assert_frame_equal(first, plan(training, copula).table)
    pd.testing.assert_frame_equal(plan(training, copula, 5).table, first.head(5))
    rest = plan_requests(training, RequestSettings(), "g", range(5, 12), 0, GRID, copula).table
    pd.testing.assert_frame_equal(rest, first.tail(7))
    other = plan(training, copula, generator="h").table
    pd.testing.assert_frame_equal(
        other.reset_index(drop=True).drop(columns="subject"),
        first.reset_index(drop=True).drop(columns="subject"),
    )
    assert not plan(training, copula, seed=1).table["lv_edv_ml"].equals(first["lv_edv_ml"])
    assert first["seed"].is_unique


def test_phenotypes_come_from_the_model_and_the_rest_from_real_subjects(training, copula) -> None:
    table = plan(training, copula, 60).table
    assert set(PHENOTYPES) <= set(table.columns) and table[PHENOTYPES].notna().all(axis=None)
    assert not violations(table[PHENOTYPES]).any(axis=None)
    # As many as there are subjects: each has its turn once.
    assert table["diagnosis"].value_counts().to_dict() == {"NOR": 30, "DCM": 30}
    assert set(table["vendor"]) == {"A"} and set(table["n_slices"]) == {8}
    assert table["es_phase"].to_numpy() == pytest.approx(4 / 12)
    means = table.groupby("diagnosis")["lv_ef"].mean()
    assert means["NOR"] > 50 and means["DCM"] < 35


def test_balanced_diagnoses(training, copula) -> None:
    few = pd.concat(
        [training[training["diagnosis"] == "NOR"], training[training["diagnosis"] == "DCM"].head(4)]
    )
    counts = plan(few, copula, 20, source="balanced").table["diagnosis"].value_counts()
    assert counts.to_dict() == {"NOR": 10, "DCM": 10}


def test_without_diagnoses_nothing_is_claimed_of_them(training) -> None:
    sampler = fitted("phenotype_copula", training, diagnosis=False)
    table = plan(training, sampler).table
    assert table[["diagnosis", "vendor"]].isna().all(axis=None) and table["lv_edv_ml"].notna().all()


def test_esv_follows_from_edv_and_ef_and_mass_stays_open(training) -> None:
    sampler = fitted("phenotype_copula", training, phenotypes=["lv_edv_ml", "lv_ef"])
    table = plan(training, sampler).table
    assert table["myo_mass_g"].isna().all()
    ef = 100 * (1 - table["lv_esv_ml"] / table["lv_edv_ml"])
    assert ef.to_numpy() == pytest.approx(table["lv_ef"].to_numpy())


def test_requests_out_of_range_are_drawn_again_and_counted(training, copula, tmp_path: Path) -> None:
    requests = plan(training, copula, 30, edv_range_ml=(100.0, 250.0), ef_range_percent=(20.0, 70.0))
    assert (
        requests.table["lv_edv_ml"].between(100, 250).all() and requests.table["lv_ef"].between(20, 70).all()
    )
    facts = requests.meta["sampler"]
    assert facts["out_of_range"] > 5 and facts["drawn"] == 30 + facts["out_of_range"] + facts["impossible"]
    write_requests(requests, tmp_path / "requests")
    read = Cohort.open(tmp_path / "requests")
    assert read.meta["sampler"] == facts
    assert read.table[PHENOTYPES].to_numpy() == pytest.approx(
        requests.table[PHENOTYPES].to_numpy(), rel=1e-12
    )


def test_what_is_never_possible_stops_in_one_line(training, copula) -> None:
    with pytest.raises(
        SynthaugError, match=r"request 1 is impossible in each of 101 draws: .* edv_range_ml"
    ) as caught:
        plan(training, copula, 1, edv_range_ml=(899.0, 900.0))
    assert "\n" not in str(caught.value)


def test_the_network_draws_requests_too(training) -> None:
    sampler = fitted("phenotype_vae", training, iterations=60, widths=[16])
    table = plan(training, sampler, 6).table
    pd.testing.assert_frame_equal(table.head(2), plan(training, sampler, 2).table)
    state = torch.random.get_rng_state()
    plan(training, sampler, 2)
    assert torch.equal(state, torch.random.get_rng_state()) and np.isfinite(table["strain"]).all()


@pytest.mark.parametrize("drawn", [("lv_edv_ml", "lv_sv_ml"), ("lv_esv_ml", "lv_ef"), ("lv_sv_ml", "lv_ef")])
def test_two_quantities_of_the_ventricle_give_both_volumes(training, drawn) -> None:
    known = training.assign(lv_sv_ml=training["lv_edv_ml"] - training["lv_esv_ml"])
    sampler = fitted("phenotype_copula", known, phenotypes=list(drawn))
    table = plan(known, sampler, 30, ef_range_percent=(20, 60)).table
    edv, esv = table["lv_edv_ml"], table["lv_esv_ml"]
    assert edv.notna().all() and esv.notna().all()
    assert (100 * (1 - esv / edv)).between(20 - 1e-6, 60 + 1e-6).all()
    if "lv_sv_ml" in table:
        assert (edv - esv).to_numpy() == pytest.approx(table["lv_sv_ml"].to_numpy())
    if "lv_ef" in table:
        assert (100 * (1 - esv / edv)).to_numpy() == pytest.approx(table["lv_ef"].to_numpy())
