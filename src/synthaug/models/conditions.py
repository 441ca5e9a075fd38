"""What is known of a subject, as input to a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from synthaug.core.errors import SynthaugError
from synthaug.networks.conditions import ConditionEmbedding

CATEGORICAL = ("diagnosis", "vendor")
#: Volumes, and the mass that is one at constant density: they grow with the square of an in-plane enlargement.
VOLUMES = ("lv_edv_ml", "lv_esv_ml", "myo_mass_g")


def vocabulary(table: pd.DataFrame, names: Sequence[str]) -> dict[str, list[str]]:
    """Known values of the categorical conditions among `names`, sorted."""
    return {
        name: sorted(str(value) for value in table[name].dropna().unique())
        for name in names
        if name in CATEGORICAL
    }


def raw_values(table: pd.DataFrame, name: str) -> np.ndarray:
    """One scalar condition of every row, float32, NaN where unknown.

    `lv_ef` is 1 - ESV / EDV, and `es_phase` the fraction of the cycle at ES: the column of that
    name, or ``es_frame / n_frames``.
    """
    if name == "lv_ef":
        values = 1 - _column(table, "lv_esv_ml") / _column(table, "lv_edv_ml")
    elif name == "es_phase" and "es_phase" not in table.columns:
        values = _column(table, "es_frame") / _column(table, "n_frames")
    else:
        values = _column(table, name)
    if name == "es_phase":  # an ES at the very ends of the cycle is a missing value in disguise
        values = np.where((values > 0) & (values < 1), values, np.nan)
    return values.astype(np.float32)


def _column(table: pd.DataFrame, name: str) -> np.ndarray:
    return pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


class Conditions(nn.Module):
    """Conditions read from a table and embedded, each possibly unknown.

    Parameters
    ----------
    names : sequence of str
        Conditions; those in `CATEGORICAL` by vocabulary, the others standardised.
    vocabulary : mapping of str to list of str
        Known values of each categorical condition.
    size : int
        Length of the embedding.
    """

    mean: Tensor
    standard_deviation: Tensor

    def __init__(self, names: Sequence[str], vocabulary: Mapping[str, list[str]], size: int) -> None:
        super().__init__()
        self.names, self.size = list(names), size
        self.vocabulary = dict(vocabulary)
        self.continuous = [name for name in names if name not in CATEGORICAL]
        # One row at least: a column that nobody filled in has an empty vocabulary.
        counts = {name: max(len(values), 1) for name, values in self.vocabulary.items()}
        self.embedding = ConditionEmbedding(self.continuous, counts, size)
        self.register_buffer("mean", torch.zeros(len(self.continuous)))
        self.register_buffer("standard_deviation", torch.ones(len(self.continuous)))

    def fit(self, table: pd.DataFrame) -> None:
        """Take means and standard deviations of the training fold's known values."""
        for place, name in enumerate(self.continuous):
            known = raw_values(table, name)
            known = known[np.isfinite(known)]
            if len(known):
                self.mean[place] = float(known.mean())
            if len(known) > 1 and known.std() > 0:
                self.standard_deviation[place] = float(known.std(ddof=1))

    def read(self, table: pd.DataFrame) -> dict[str, Tensor]:
        """Values of every row by condition, float32 (n,), NaN where unknown.

        Raises
        ------
        SynthaugError
            A category that the training fold did not have.
        """
        values: dict[str, Tensor] = {}
        for name in self.names:
            if name in CATEGORICAL:
                values[name] = torch.tensor([self._index(name, value) for value in table[name]])
            else:
                values[name] = torch.from_numpy(raw_values(table, name))
        return values

    def _index(self, name: str, value: Any) -> float:
        if pd.isna(value):
            return float("nan")
        known = self.vocabulary[name]
        if value not in known:
            raise SynthaugError(
                f"{name} {value!r} was not among the training subjects; known are {', '.join(known) or 'none'}"
            )
        return float(known.index(value))

    def forward(self, values: Mapping[str, Tensor], kept: Tensor | None = None) -> Tensor:
        """Embed raw values (b,); conditions where `kept` (b, names) is False count as unknown.

        Without conditions the embedding is 0, (1, size): nothing is known of anybody.
        """
        if not self.names:
            return self.mean.new_zeros(1, self.size)
        known, standardised = {}, {}
        for place, name in enumerate(self.names):
            known[name] = torch.isfinite(values[name])
            if kept is not None:
                known[name] = known[name] & kept[:, place]
            standardised[name] = values[name]
            if name in self.continuous:
                index = self.continuous.index(name)
                standardised[name] = (values[name] - self.mean[index]) / self.standard_deviation[index]
        return self.embedding(standardised, known)
