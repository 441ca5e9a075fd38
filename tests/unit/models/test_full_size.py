"""Every model of the studies at the papers' size takes a training step on a fake GPU, at its own size and batch.

One test a study: models that others need are prepared once.
"""

from __future__ import annotations

import pytest
import yaml
from checkout import REPOSITORY
from fake_training import step_once

from synthaug.config.study import load_study
from synthaug.core.registry import class_of
from synthaug.models.base import Grid, TrainableModel
from synthaug.rehearsal.fake_cuda import FakeCuda, move
from synthaug.rehearsal.random_study import in_order, random_store

FOLDER = REPOSITORY / "config/studies"
STUDIES = [*sorted(FOLDER.glob("*_full.yaml")), FOLDER / "acdc_to_mnms.yaml"]


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_models_of_the_papers_size_take_a_step(path, monkeypatch):
    study, made = load_study(yaml.safe_load(path.read_text(encoding="utf-8"))), dict[str, TrainableModel]()
    store = random_store(study, 2)
    with FakeCuda() as gpu:
        for model_name in in_order(study):
            settings = study.models[model_name]
            if settings.kind == "control_branch":  # decoded masks of the fake GPU have no values to move
                settings = settings.model_copy(update={"masks": "own"})
            needs = {role: made[other] for role, other in settings.needs.items()}
            model_class = class_of(settings, TrainableModel)
            model = model_class(settings, Grid.of(store), needs, model_class.facts(settings, store))
            move(model)
            model.prepare(store)
            if settings.kind != "phenotype_copula":  # fitted, without steps
                before = gpu.copies
                last = settings.training.iterations - 1
                step_once(model, settings.training, last, list(store.table.index), monkeypatch)
                assert gpu.copies == before, model_name
            made[model_name] = model.requires_grad_(False).eval()
