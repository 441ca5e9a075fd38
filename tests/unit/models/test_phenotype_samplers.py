"""Models of phenotypes: they recover a known population, and draw no heart that cannot be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from phenotype_population import CORRELATION, DIAGNOSES, PHENOTYPES, fitted, hearts, store_of
from tiny_models import settings_of, train, write_store

from synthaug.core.artifacts import read_json
from synthaug.core.errors import SynthaugError
from synthaug.core.registry import class_of
from synthaug.models.base import TrainableModel
from synthaug.models.phenotype_sampler import PhenotypeSampler, read_phenotypes
from synthaug.models.phenotype_vae import PhenotypeVAE
from synthaug.models.weights import load_model
from synthaug.phenotypes.coordinates import violations

KINDS = ["phenotype_vae", "phenotype_copula"]
TRAINING, DRAWN = 400, 2000


@pytest.fixture(scope="module")
def population() -> pd.DataFrame:
    return hearts(TRAINING)


@pytest.fixture(scope="module", params=KINDS)
def model(request, population) -> PhenotypeSampler:
    smaller = {"widths": [64, 64]} if request.param == "phenotype_vae" else {}
    return fitted(request.param, population, iterations=600, **smaller)


@pytest.fixture(scope="module")
def drawn(model) -> pd.DataFrame:
    return model.sample(DRAWN, torch.Generator().manual_seed(5)).table


@pytest.mark.parametrize("diagnosis", DIAGNOSES)
def test_medians_and_spreads_are_those_of_the_population(drawn, diagnosis) -> None:
    own = drawn[drawn["diagnosis"] == diagnosis]
    median, ef = DIAGNOSES[diagnosis]
    # 200 hearts of a diagnosis fix a mean of log EDV (SD 0.25) to 0.018 and one of logit EF (SD 0.3) to 0.021: four
    # standard errors. An SD has a standard error of 1/20 of itself; the models may be off by a quarter.
    logs = np.log(own["lv_edv_ml"])
    logits = np.log(own["lv_ef"] / (100 - own["lv_ef"]))
    assert logs.mean() == pytest.approx(np.log(median), abs=0.07)
    assert logits.mean() == pytest.approx(np.log(ef / (1 - ef)), abs=0.09)
    assert logs.std() == pytest.approx(0.25, rel=0.25) and logits.std() == pytest.approx(0.3, rel=0.25)


def test_the_correlation_is_found_though_a_third_of_the_masses_is_missing(drawn, population) -> None:
    own, real = (table[table["diagnosis"] == "NOR"] for table in (drawn, population))
    logs = np.log(own[["lv_edv_ml", "myo_mass_g"]].to_numpy()).T
    # 140 complete hearts of a diagnosis: a standard error of (1 - 0.49) / sqrt(140) = 0.04; shrinkage takes up to a fifth.
    assert CORRELATION - 0.2 < np.corrcoef(logs)[0, 1] < CORRELATION + 0.12
    # None in the population; among 200 hearts, whatever chance made of it.
    by_chance = np.corrcoef(real["strain"], np.log(real["lv_edv_ml"]))[0, 1]
    assert np.corrcoef(own["strain"], logs[0])[0, 1] == pytest.approx(by_chance, abs=0.2)


def test_heavy_tails_and_missing_values_do_not_move_the_marginals(drawn) -> None:
    # Quartiles of Student's distribution with 5 degrees of freedom: -18 +- 4 x 0.727; a standard error of about 0.3.
    assert drawn["strain"].quantile([0.25, 0.5, 0.75]).tolist() == pytest.approx([-20.9, -18, -15.1], abs=1.2)
    assert drawn["myo_mass_g"].median() == pytest.approx(110, rel=0.08)
    assert drawn.notna().all(axis=None)


def test_every_heart_can_be(drawn) -> None:
    assert not violations(drawn.drop(columns="diagnosis")).any(axis=None)
    assert (drawn["lv_esv_ml"] < drawn["lv_edv_ml"]).all()
    assert drawn["lv_sv_ml"].to_numpy() == pytest.approx(drawn["lv_edv_ml"] - drawn["lv_esv_ml"])
    assert drawn["lv_ef"].to_numpy() == pytest.approx(100 * drawn["lv_sv_ml"] / drawn["lv_edv_ml"])


def test_no_heart_is_a_training_subject(drawn, population) -> None:
    for name in ("lv_edv_ml", "lv_ef", "strain"):
        assert not np.isin(drawn[name], population[name]).any()


def test_a_draw_follows_from_its_generator_and_its_diagnosis(model) -> None:
    def draw(seed: int, diagnosis: str) -> pd.DataFrame:
        return model.sample(3, torch.Generator().manual_seed(seed), [diagnosis] * 3).table

    pd.testing.assert_frame_equal(draw(1, "NOR"), draw(1, "NOR"))
    assert set(draw(1, "DCM")["diagnosis"]) == {"DCM"}
    assert not draw(2, "NOR")["lv_edv_ml"].equals(draw(1, "NOR")["lv_edv_ml"])
    with pytest.raises(
        SynthaugError, match="diagnosis 'HCM' was not among the training subjects; known are DCM, NOR"
    ):
        draw(1, "HCM")


def test_diagnoses_are_as_frequent_as_among_the_training_subjects(drawn) -> None:
    assert (drawn["diagnosis"] == "DCM").mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_without_diagnoses_the_whole_population_is_one(kind, population) -> None:
    model = fitted(kind, population, iterations=20, diagnosis=False)
    table = model.sample(10, torch.Generator().manual_seed(0)).table
    assert list(table.columns) == PHENOTYPES and model.diagnoses == []


@pytest.mark.parametrize("kind", KINDS)
def test_hearts_that_cannot_be_are_drawn_again_and_counted(kind) -> None:
    # Mean and maximum of the wall thickness are independent here, and overlap: some draws have the mean above.
    rng = np.random.default_rng(0)
    table = hearts(200).assign(
        wall_thickness_mean_ed_mm=rng.normal(10, 1, 200), wall_thickness_max_ed_mm=rng.normal(12, 1, 200)
    )
    names = ["wall_thickness_mean_ed_mm", "wall_thickness_max_ed_mm"]
    model = fitted(kind, table, phenotypes=names)
    samples = model.sample(500, torch.Generator().manual_seed(0))
    assert (samples.table[names[0]] <= samples.table[names[1]]).all() and len(samples.table) == 500
    # P(N(2, sqrt 2) < 0) = 0.079, so that 543 draws are expected.
    assert 510 < samples.drawn < 620
    assert model.assess(store_of(table))["drawn_again"] == pytest.approx(0.079, abs=0.06)


def test_measured_values_that_no_heart_has_are_unknown_and_counted() -> None:
    table = hearts(20, missing=0)
    table.loc[[0, 3], "myo_mass_g"] = [5.0, 2000.0]  # valid is 10 to 800 g
    model = fitted("phenotype_copula", table)
    assert model.assess(store_of(table))["out_of_range"] == 2
    place = model.coordinates.coordinates.index("myo_mass_g")
    assert np.isnan(model.read(table)[:, place]).tolist() == [row in (0, 3) for row in range(20)]


def test_what_never_can_be_is_refused_by_name(monkeypatch, population) -> None:
    model = fitted("phenotype_copula", population)
    monkeypatch.setattr(
        model, "draw", lambda codes, generator: torch.full((len(codes), 4), 30.0, dtype=torch.float64)
    )
    with pytest.raises(
        SynthaugError, match="2 of 2 hearts break the rule 'lv_sv_ml within 0 to 400' in each of 101 draws"
    ):
        model.sample(2, torch.Generator().manual_seed(0))


# --- training -------------------------------------------------------------------------------------

SMALL = {"phenotypes": ["age", "height_cm"]}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store") / "store")


@pytest.mark.parametrize("kind", KINDS)
def test_trained_by_the_ordinary_loop_the_same_every_time(kind, store, tmp_path) -> None:
    first, second = (train(kind, store, tmp_path / name, changes=SMALL) for name in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()
    model = load_model(first)
    assert isinstance(model, PhenotypeSampler) and model.seen == ["h0", "h1", "h2", "h3"]
    record = read_json(tmp_path / "one" / "training.json")
    assert 0 <= record["figures"]["drawn_again"] < 1 and record["kind"] == kind
    assert record["iterations"] == (0 if kind == "phenotype_copula" else 4)
    history = pd.read_csv(tmp_path / "one" / "history.csv")
    assert np.isfinite(history["loss"]).all() and record["final_loss"] == history["loss"].iloc[-1]
    table = model.sample(4, torch.Generator().manual_seed(0)).table
    pd.testing.assert_frame_equal(table, load_model(second).sample(4, torch.Generator().manual_seed(0)).table)


def test_a_killed_training_goes_on_bit_for_bit(store, tmp_path, monkeypatch) -> None:
    whole = train("phenotype_vae", store, tmp_path / "whole", changes=SMALL)
    loss = PhenotypeVAE.loss

    def die(self, batch, generator, iteration):
        if iteration == 3:
            raise KeyError("killed")
        return loss(self, batch, generator, iteration)

    with monkeypatch.context() as patch:
        patch.setattr(PhenotypeVAE, "loss", die)
        with pytest.raises(KeyError):
            train("phenotype_vae", store, tmp_path / "killed", changes=SMALL)
    resumed = train("phenotype_vae", store, tmp_path / "killed", changes=SMALL)
    assert resumed.read_bytes() == whole.read_bytes()


def test_loss_of_the_copula_by_hand() -> None:
    model = fitted("phenotype_copula", hearts(50), phenotypes=["lv_edv_ml", "strain"])
    model.root.copy_(torch.linalg.cholesky(torch.tensor([[1.0, 0.6], [0.6, 1.0]], dtype=torch.float64)))
    scores = torch.tensor([[1.0, 2.0], [3.0, torch.nan]], dtype=torch.float64)
    loss, _ = model.loss({"scores": scores}, torch.Generator(), 0)
    # log |R| = log 0.64; g'R^-1 g = (1 - 2.4 + 4) / 0.64; a single known value says nothing. Three known values.
    assert float(loss) == pytest.approx((np.log(0.64) + 2.6 / 0.64 - 5) / 2 / 3)


def test_missing_values_are_told_to_the_encoder_and_left_out_of_the_loss(population) -> None:
    model = fitted("phenotype_vae", population, iterations=1)
    batch = model.batch([0, 1, 2, 3, 4, 5, 6, 7], torch.Generator())
    place = model.coordinates.coordinates.index("myo_mass_g")
    missing = population["myo_mass_g"].isna().to_numpy()[:8]
    assert missing.any() and (batch["known"][:, place] == torch.from_numpy(~missing)).all()
    assert (batch["values"][missing.tolist(), place] == 0).all()
    model.network.decode = lambda latent: torch.full((8, 4), 2.0)
    _, terms = model.loss(batch, torch.Generator().manual_seed(0), 0)
    errors = (2 - batch["values"]).square()[batch["known"] > 0]
    assert float(terms["reconstruction"]) == pytest.approx(float(errors.mean()), rel=1e-5)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strain": "high"}, "phenotype 'strain': 'high' is no number"),
        ({"strain": np.nan}, "phenotype 'strain': no training subject has it"),
        (
            {"strain": 5.0},
            "phenotype 'strain': 5 for all training patients; a constant says nothing, leave it out",
        ),
        ({"myo_mass_g": [1e6, 2e6] * 10}, "phenotype 'myo_mass_g': 0 training subjects have a value within"),
        ({"strain": [1.0] * 9 + [np.nan] * 11}, "phenotype 'strain': missing for 11 of 20 training patients"),
    ],
)
def test_columns_that_say_nothing_are_refused_in_one_line(change, message) -> None:
    with pytest.raises(SynthaugError) as caught:
        fitted("phenotype_copula", hearts(20, missing=0).assign(**change))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_column_that_is_nowhere_is_refused_in_one_line() -> None:
    settings = settings_of({"kind": "phenotype_copula", "phenotypes": ["strian", "lv_edv_ml"]})
    with pytest.raises(
        SynthaugError, match="phenotype 'strian' is no column of the cohort's table"
    ) as caught:
        class_of(settings, TrainableModel).facts(settings, store_of(hearts(20)))
    assert "\n" not in str(caught.value)


def test_ejection_fraction_is_in_percent_with_and_without_its_column() -> None:
    """EDV 120 and ESV 48 mL: 60 %."""
    table = pd.DataFrame({"subject": ["a"], "lv_edv_ml": [120.0], "lv_esv_ml": [48.0]})
    assert read_phenotypes(table, ["lv_ef"])["lv_ef"].tolist() == pytest.approx([60])
    assert read_phenotypes(table.assign(lv_ef=60.0), ["lv_ef"])["lv_ef"].tolist() == [60]
