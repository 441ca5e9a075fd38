"""A population of hearts with known phenotypes, and models of phenotypes fitted to it without a training loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from tiny_models import settings_of

from synthaug.core.registry import class_of
from synthaug.data.store import TensorStore
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.phenotype_sampler import PhenotypeSampler

#: Correlation of log EDV and log mass; correlation of either with the strain is 0.
CORRELATION = 0.7
PHENOTYPES = ["lv_edv_ml", "lv_esv_ml", "lv_sv_ml", "lv_ef", "myo_mass_g", "strain"]
#: Median EDV and ejection fraction of each diagnosis; its SD of log EDV is 0.25, of logit EF 0.3.
DIAGNOSES = {"NOR": (150.0, 0.6), "DCM": (260.0, 0.25)}


def hearts(n: int, seed: int = 0, missing: float = 0.3) -> pd.DataFrame:
    """Rows of a cohort's table, every other one DCM; a share of the masses is missing.

    Log EDV and log mass are normal, so that the volumes are skewed to the right; the strain has Student's distribution
    with 5 degrees of freedom, variance 5/3 times 4 squared, around -18.
    """
    rng = np.random.default_rng(seed)
    shared = rng.multivariate_normal([0, 0], [[1, CORRELATION], [CORRELATION, 1]], n)
    names = np.array(list(DIAGNOSES))[np.arange(n) % 2]
    medians = np.array([DIAGNOSES[name] for name in names])
    edv = medians[:, 0] * np.exp(0.25 * shared[:, 0])
    ef = 1 / (1 + (1 - medians[:, 1]) / medians[:, 1] * np.exp(-0.3 * rng.standard_normal(n)))
    mass = 110 * np.exp(0.25 * shared[:, 1])
    return pd.DataFrame(
        {
            "subject": [f"p{number:04d}" for number in range(n)],
            "patient": [f"p{number:04d}" for number in range(n)],
            "diagnosis": pd.array(names, dtype="string"),
            "vendor": "A",
            "lv_edv_ml": edv,
            "lv_esv_ml": edv * (1 - ef),
            "lv_sv_ml": edv * ef,
            "lv_ef": 100 * ef,
            "myo_mass_g": np.where(rng.random(n) < missing, np.nan, mass),
            "strain": -18 + 4 * rng.standard_t(5, n),
            "n_slices": 8,
            "es_frame": 4.0,
            "n_frames": 12.0,
        }
    )


def store_of(table: pd.DataFrame) -> TensorStore:
    """A store without cines: models of phenotypes read its table only."""
    none = np.zeros((len(table), 0))
    return TensorStore(none, none, none, table, (8.0, 2.0, 2.0))


def fitted(kind: str, table: pd.DataFrame, iterations: int = 300, **settings: Any) -> PhenotypeSampler:
    """A model of `PHENOTYPES`, prepared, trained by plain Adam if it has parameters, and frozen."""
    torch.manual_seed(0)
    made = settings_of({"kind": kind, "phenotypes": PHENOTYPES, **settings})
    store, model_class = store_of(table), class_of(made, TrainableModel)
    model: PhenotypeSampler = model_class(
        made, Grid(12, 8, 64, 64, (8, 2, 2)), {}, model_class.facts(made, store)
    )
    model.prepare(store)
    if list(model.parameters()):
        model.train()
        optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
        generator, order = torch.Generator().manual_seed(0), np.random.default_rng(0)
        for iteration in range(iterations):
            indices = order.integers(len(table), size=64).tolist()
            loss, _ = model.loss(model.batch(indices, generator), generator, iteration)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        model.requires_grad_(False).eval()
        model.finish(store)
    return model
