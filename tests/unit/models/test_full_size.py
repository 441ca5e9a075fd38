"""Every model of the studies at the papers' size takes a training step on a fake GPU, at its own size and batch.

One test a study: models that others need are prepared once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from checkout import REPOSITORY
from fake_cuda import FakeCuda, move
from fake_training import step_once

from synthaug.config.study import StudySettings, load_study
from synthaug.core.registry import class_of
from synthaug.data.store import TensorStore
from synthaug.labels import UNLABELLED
from synthaug.models.base import Grid, TrainableModel
from synthaug.phenotypes.registry import PHENOTYPES

STUDIES = {
    path.stem: load_study(yaml.safe_load(path.read_text(encoding="utf-8")))
    for path in sorted((REPOSITORY / "config/studies").glob("*_full.yaml"))
}


def full_size_store(study: StudySettings) -> TensorStore:
    """Two blank subjects on the grid of a study, the second with a slice less, and numbers for whatever is a condition."""
    z, y, x = study.harmonisation.matrix
    frames, subjects = study.harmonisation.frames, ["a-1", "a-2"]
    names = {
        name
        for model in study.models.values()
        for key in ("conditions", "phenotypes")
        for name in getattr(model, key, ())
    }
    ranges = {name: PHENOTYPES[name].range if name in PHENOTYPES else (0.0, 100.0) for name in names}
    table = pd.DataFrame(
        {name: [(2 * low + high) / 3, (low + high) / 2] for name, (low, high) in ranges.items()}
        | {"subject": subjects}
    )
    table = table.assign(diagnosis=["NOR", "DCM"], vendor=["A", "B"], ed_frame=0, es_frame=frames // 2)
    table = table.assign(
        n_frames=frames, n_slices=[z, z - 1], es_phase=0.5, labelled_frames=f"0,{frames // 2}"
    )
    table = table.assign(
        lv_edv_ml=[120.0, 180.0],
        lv_esv_ml=[50.0, 90.0],
        lv_ef=[58.0, 50.0],
        rv_edv_ml=[130.0, 190.0],
        rv_esv_ml=[50.0, 110.0],
    )
    labels = np.full((2, frames, z, y, x), UNLABELLED, np.uint8)
    labels[:, [0, frames // 2]] = 1
    mask = np.ones((2, z), bool)
    mask[1, 0] = False
    return TensorStore(
        np.zeros(labels.shape, np.float16),
        labels,
        mask,
        table.set_index("subject", drop=False),
        tuple(study.harmonisation.spacing_mm),
    )


def in_order(study: StudySettings) -> list[str]:
    """Names of the models of a study, each after those that it needs."""
    ordered: list[str] = []
    while len(ordered) < len(study.models):
        ordered += [
            name
            for name, model in study.models.items()
            if name not in ordered and set(model.needs.values()) <= set(ordered)
        ]
    return ordered


@pytest.mark.parametrize("name", STUDIES)
def test_models_of_the_papers_size_take_a_step(name, monkeypatch):
    study, made = STUDIES[name], dict[str, Any]()
    store = full_size_store(study)
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
