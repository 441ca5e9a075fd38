"""Every model of the studies at the papers' size takes a training step on a fake GPU, at its own size and batch.

One test a study: models that others need are prepared once.
"""

from __future__ import annotations

import pytest
import yaml
from checkout import REPOSITORY
from fake_training import step_once

from synthaug.config.study import load_study
from synthaug.rehearsal.fake_cuda import FakeCuda, move
from synthaug.rehearsal.random_study import random_models, random_store
from synthaug.rehearsal.rehearse import valueless

FOLDER = REPOSITORY / "config/studies"
STUDIES = [*sorted(FOLDER.glob("*_full.yaml")), FOLDER / "acdc_to_mnms.yaml"]


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_models_of_the_papers_size_take_a_step(path, monkeypatch):
    study = valueless(load_study(yaml.safe_load(path.read_text(encoding="utf-8"))))
    store = random_store(study, 2)
    with FakeCuda() as gpu:
        for name, model in random_models(study, store):
            training = study.models[name].training
            move(model)
            model.prepare(store)
            if study.models[name].kind != "phenotype_copula":  # fitted, without steps
                before = gpu.copies
                step_once(
                    model, training, training.iterations - 1, list(store.table.index), monkeypatch, half=True
                )
                assert gpu.copies == before, name
            model.requires_grad_(False).eval()
