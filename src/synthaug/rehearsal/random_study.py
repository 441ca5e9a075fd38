"""Models, subjects and requests of any study, without its data: random cines on its grid, and numbers for whatever is a condition."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from synthaug.config.conditions import CATEGORIES
from synthaug.config.study import StudySettings
from synthaug.core.registry import class_of
from synthaug.data.cohort import Cohort, write_labels
from synthaug.data.store import TensorStore
from synthaug.models.base import Grid, TrainableModel
from synthaug.phenotypes.registry import PHENOTYPES
from synthaug.synthesis.requests import request_cohort


def random_store(study: StudySettings, subjects: int) -> TensorStore:
    """Noise in the shape of a training fold, ED and ES labelled; every second subject has a slice less."""
    z, y, x = study.harmonisation.matrix
    frames, es_frame = study.harmonisation.frames, study.harmonisation.frames // 3
    random = np.random.default_rng(0)
    table = random_table(study, subjects).assign(labelled_frames=f"0,{es_frame}")
    shape = (subjects, frames, z, y, x)
    images = torch.rand(shape, generator=torch.Generator().manual_seed(0)).half().numpy()
    mask = np.ones((subjects, z), bool)
    mask[1::2, 0] = z == 1
    return TensorStore(
        images,
        random.integers(0, 4, shape, np.uint8),
        mask,
        table.set_index("subject", drop=False),
        study.harmonisation.spacing_mm,
    )


def random_table(study: StudySettings, subjects: int) -> pd.DataFrame:
    """Rows of subjects that fill a study's grid, each second with a slice less, with a value of every condition."""
    z, frames = study.harmonisation.matrix[0], study.harmonisation.frames
    names = {
        name
        for model in study.models.values()
        for key in ("conditions", "phenotypes")
        for name in getattr(model, key, ())
    }
    share = (1 + np.arange(subjects)) / (subjects + 1)
    columns: dict[str, Any] = {}
    for name in sorted(names):
        low, high = PHENOTYPES[name].range if name in PHENOTYPES else (0.0, 100.0)
        is_category = name in CATEGORIES
        columns[name] = _alternating("A", "B", subjects) if is_category else low + (high - low) * share
    columns |= {
        "subject": [f"s-{number}" for number in range(subjects)],
        "diagnosis": _alternating("NOR", "DCM", subjects),
        "vendor": _alternating("A", "B", subjects),
        "ed_frame": 0,
        "es_frame": frames // 3,
        "es_phase": 1 / 3,
        "n_frames": frames,
        "n_slices": [z - number % 2 if z > 1 else z for number in range(subjects)],
        "lv_edv_ml": 120 + 60 * share,
        "lv_esv_ml": 50 + 40 * share,
        "lv_ef": 45 + 15 * share,
        "rv_edv_ml": 130 + 60 * share,
        "rv_esv_ml": 50 + 60 * share,
    }
    return pd.DataFrame(columns)


def _alternating(first: str, second: str, count: int) -> list[str]:
    return [(first, second)[number % 2] for number in range(count)]


def random_requests(study: StudySettings, count: int, folder: Path) -> Cohort:
    """Requests with a value of every condition and, for generators that read them, masks of ED and ES."""
    table = random_table(study, count).assign(seed=range(count))
    frames, (_, y, x) = study.harmonisation.frames, study.harmonisation.matrix
    es = frames // 3
    table["labelled_frames"] = f"0,{es}"
    folders = {}
    for subject, n_slices in zip(table["subject"], table["n_slices"], strict=True):
        labels = torch.zeros(int(n_slices), y, x, dtype=torch.uint8)
        labels[:, y // 3 : 2 * y // 3, x // 3 : 2 * x // 3] = 1
        folders[str(subject)] = folder / f"sub-{subject}"
        write_labels(
            folders[str(subject)],
            {0: labels.numpy(), es: labels.numpy()},
            frames,
            tuple(study.harmonisation.spacing_mm),
        )
    return request_cohort(table, folders=folders, spacing_mm=study.harmonisation.spacing_mm)


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


def encoded_once(study: StudySettings) -> StudySettings:
    """The same study, whose models encode each cine once before training: how often takes time, and changes no step."""
    models = {
        name: model.model_copy(update={"copies": 1}) if hasattr(model, "copies") else model
        for name, model in study.models.items()
    }
    return study.model_copy(update={"models": models})


def random_models(study: StudySettings, store: TensorStore) -> Iterator[tuple[str, TrainableModel]]:
    """Name and model, with its initial weights, on the CPU, each after those that it needs.

    Move and freeze a model before the next is asked for, which may need it.
    """
    made: dict[str, TrainableModel] = {}
    for name in in_order(study):
        settings = study.models[name]
        needs = {role: made[other] for role, other in settings.needs.items()}
        model_class = class_of(settings, TrainableModel)
        torch.manual_seed(0)
        made[name] = model_class(settings, Grid.of(store), needs, model_class.facts(settings, store))
        yield name, made[name]
