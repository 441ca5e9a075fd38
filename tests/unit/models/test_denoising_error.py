"""Error of denoised data by noise level: known answers, and a record of trained models."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from tiny_models import train, write_store

from synthaug.data.store import TensorStore
from synthaug.diffusion.objectives import DiffusionObjective
from synthaug.diffusion.schedules import Schedule
from synthaug.models.denoising_error import LEVELS, denoising_error
from synthaug.models.weights import load_model


class Answering:
    """As much of a model as the error needs; its network answers a multiple of the data."""

    def __init__(self, factor: float, target: str = "data") -> None:
        self.objective = DiffusionObjective(target, Schedule("cosine"))
        self.settings = SimpleNamespace(training=SimpleNamespace(batch_size=6, iterations=10))
        self.slices, self.device, self.factor = torch.ones(4, 1, 3, 1, 1), "cpu", factor

    def batch(self, indices, generator):
        return {"data": torch.randn(len(indices), 2, 3, 4, 4, generator=generator)}

    def loss(self, batch, generator, iteration):
        data, slices = batch["data"], torch.ones(1, 1, 3, 1, 1)
        slices[:, :, 2] = 0  # a missing slice counts nothing
        answer = self.factor * data
        answer[:, :, 2] = 99
        return self.objective.loss(lambda noisy, times: answer, data, slices, generator), {}


@pytest.mark.parametrize(("factor", "error"), [(1.0, 0.0), (0.0, 1.0), (0.75, 0.25), (3.0, 2.0)])
def test_error_of_a_multiple_of_the_data(factor, error):
    model = Answering(factor)
    found = denoising_error(model, model.objective, "_training")
    assert found == pytest.approx({f"x0_error_{level}_training": error for level in LEVELS})


def test_the_objective_is_observed_no_longer():
    model = Answering(1.0)
    denoising_error(model, model.objective)
    assert model.objective.observer is None


def test_noise_that_is_guessed_as_zero_leaves_more_error_the_more_noise_there_is():
    model = Answering(0.0, "epsilon")
    found = denoising_error(model, model.objective)
    # x' = x_t / alpha = x + (sigma / alpha) e
    low, medium, high = (found[f"x0_error_{level}"] for level in LEVELS)
    assert 0 < low < medium < 1.8 < high


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of ED, prepared with its training fold, and other subjects."""
    root = tmp_path_factory.mktemp("denoising")
    store, others = write_store(root / "store"), write_store(root / "others", seed=9)
    needs = {"autoencoder": train("autoencoder", store, root / "autoencoder")}
    model = load_model(train("anatomy_diffusion", store, root / "anatomy", needs))
    return model, TensorStore.open(store), TensorStore.open(others)


def test_both_stores_are_assessed_and_weights_statistics_and_settings_stay(trained):
    model, store, others = trained
    model.prepare(store)
    before, copies = {k: v.clone() for k, v in model.state_dict().items()}, model.settings.copies
    found = model.assess(others)
    assert set(found) == {f"x0_error_{level}{of}" for level in LEVELS for of in ("", "_training")}
    assert all(found[f"x0_error_{level}"] != found[f"x0_error_{level}_training"] for level in LEVELS)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.settings.copies == copies > 1


def test_a_diagnosis_that_training_lacks_costs_figures_and_not_the_training(trained, capsys):
    model, store, others = trained
    model.prepare(store)
    found = model.assess(replace(others, table=others.table.assign(diagnosis="HCM")))
    assert set(found) == {f"x0_error_{level}_training" for level in LEVELS}
    assert "not measured; diagnosis 'HCM' was not among the training subjects" in capsys.readouterr().err
