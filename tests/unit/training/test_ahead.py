"""Batches made ahead are those made in turn, whatever the model; errors reach the step that takes them."""

from __future__ import annotations

import threading

import pytest
import torch
from tiny_models import SMALL, settings_of, train, write_store

from synthaug.core.registry import class_of
from synthaug.data.store import TensorStore
from synthaug.jobs.interruption import Interruption
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.weights import load_model
from synthaug.training.ahead import MadeAhead
from synthaug.training.devices import make_accelerator
from synthaug.training.loop import Loop


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_each_step_is_made_once_and_nothing_beyond_the_last(ahead) -> None:
    made: list[tuple[int, bool]] = []

    def make(step: int) -> int:
        made.append((step, threading.current_thread() is threading.main_thread()))
        return step * step

    batches = MadeAhead(make, steps=5, ahead=ahead)
    assert [batches.take(step) for step in range(5)] == [0, 1, 4, 9, 16]
    assert sorted(made) == [(step, step == 0 or not ahead) for step in range(5)]
    assert MadeAhead(make, steps=9, ahead=ahead).take(7) == 49  # where a training resumes


def test_the_next_steps_are_made_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=60)

    def make(step: int) -> int:
        if step:
            together.wait()  # broken after a minute, unless three threads come here
        return step

    ahead = MadeAhead(make, steps=4, ahead=3)
    assert [ahead.take(step) for step in range(4)] == [0, 1, 2, 3]


def test_another_step_than_the_next_is_made_anew() -> None:
    ahead = MadeAhead(lambda step: -step, steps=20, ahead=2)
    assert [ahead.take(step) for step in (2, 9, 10, 3)] == [-2, -9, -10, -3]


def test_an_error_is_raised_by_the_step_that_takes_it() -> None:
    def make(step: int) -> int:
        if step == 2:
            raise OSError("images.npy: cut short")
        return step

    ahead = MadeAhead(make, steps=4, ahead=3)
    assert [ahead.take(0), ahead.take(1)] == [0, 1]
    with pytest.raises(OSError, match="cut short"):
        ahead.take(2)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("ahead") / "train")


@pytest.fixture(scope="module")
def coder(store, tmp_path_factory):
    return train("autoencoder", store, tmp_path_factory.mktemp("coder"), iterations=1)


@pytest.mark.parametrize("kind", ["autoencoder", "text_encoder", "masked_autoencoder", "anatomy_diffusion"])
def test_weights_are_the_same_bit_for_bit(kind, store, coder) -> None:
    opened = TensorStore.open(store)
    needs = {"autoencoder": coder} if kind == "anatomy_diffusion" else {}

    def trained(ahead: int) -> list[torch.Tensor]:
        settings = settings_of(
            {
                "kind": kind,
                **SMALL[kind],
                "needs": dict.fromkeys(needs, "autoencoder"),
                "training": {"iterations": 4, "batch_size": 2},
            }
        )
        model_class = class_of(settings, TrainableModel)
        torch.manual_seed(0)
        loaded = {role: load_model(path) for role, path in needs.items()}
        model = model_class(settings, Grid.of(opened), loaded, model_class.facts(settings, opened))
        model.train()
        model.prepare(opened)
        loop = Loop(model, settings.training, make_accelerator("float32"), ahead=ahead)
        for step in range(4):
            loop.step(step, list(opened.table.index), 7, Interruption())
        return [parameter.detach().clone() for parameter in model.parameters()]

    pairs = list(zip(trained(ahead=0), trained(ahead=3), strict=True))
    assert pairs and all(torch.equal(one, two) for one, two in pairs)
