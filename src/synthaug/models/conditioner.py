"""Conditions of subjects, read from a table, as conditioning of a network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from einops import rearrange
from torch import Tensor, nn

from synthaug.config.conditions import CATEGORIES, CONDITIONS, HARMONISED
from synthaug.core.errors import SynthaugError
from synthaug.networks.conditioning import Conditioning, Dropout, Kept
from synthaug.networks.embeddings import ConditionEmbedding

#: Keys of values that are no scalars: tokens (b, n, width), which of them exist (b, n), control (b, c, ...).
TOKENS, TOKEN_MASK, CONTROL = "tokens", "token_mask", "control"


def check_columns(table: pd.DataFrame, names: Sequence[str]) -> None:
    """Refuse a condition that is a phenotype or a study's own column and says nothing of the training subjects.

    What harmonisation measures may be known of few; it must be numbers.

    Raises
    ------
    SynthaugError
        As `check_numbers`.
    """
    for name in names:
        if name in CATEGORIES and name not in table.columns:
            raise SynthaugError(
                f"condition {name!r} is no column of the cohort's table; add the column to the dataset's table, or leave "
                "it out"
            )
    for name in names:
        if name in HARMONISED and name not in CATEGORIES and name in table.columns:
            _check_are_numbers(table, name, "condition")
    check_numbers(table, [name for name in names if name not in HARMONISED], "condition")


def check_numbers(table: pd.DataFrame, names: Sequence[str], what: str) -> None:
    """Refuse columns of the training table that a model could not learn from.

    Parameters
    ----------
    table : DataFrame
        Rows of the training subjects, with ``patient`` where visits of one patient are several.
    names : sequence of str
        Columns.
    what : str
        What a message calls such a column.

    Raises
    ------
    SynthaugError
        The table has no such column, or not of numbers; no training subject has the number, it is missing for more
        than half of the patients, or it is the same for all.
    """
    for name in names:
        if name not in table.columns:
            known = ", ".join(dict.fromkeys([*CONDITIONS, *table.columns]))
            raise SynthaugError(
                f"{what} {name!r} is no column of the cohort's table; give one of {known}, or add the column"
            )
        numbers = _check_are_numbers(table, name, what)
        each = numbers.groupby(_patients(table)).first()
        known_values = each.dropna()
        if known_values.empty:
            raise SynthaugError(
                f"{what} {name!r}: no training subject has it; label the subjects, bring a table "
                "(datasets.<name>.phenotypes), or leave it out"
            )
        if 2 * len(known_values) < len(each):
            raise SynthaugError(
                f"{what} {name!r}: missing for {len(each) - len(known_values)} of {len(each)} training patients; "
                "leave it out, or complete it"
            )
        if len(known_values) > 1 and numbers.dropna().nunique() == 1:
            raise SynthaugError(
                f"{what} {name!r}: {known_values.iloc[0]:g} for all training patients; a constant says nothing, leave it out"
            )


def _check_are_numbers(table: pd.DataFrame, name: str, what: str) -> pd.Series:
    """The numbers of a column; refuses one with a value that is none."""
    column = table[name]
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = column[~np.isfinite(numbers.astype(float)) & column.notna()]
    if len(wrong):
        raise SynthaugError(
            f"{what} {name!r}: {str(wrong.iloc[0])!r} is no number; a {what} of your own is a numeric column"
        )
    return numbers


def _patients(table: pd.DataFrame) -> np.ndarray:
    """Patient of each row; a row without one is a patient."""
    rows = pd.Series([f"row {number}" for number in range(len(table))], index=table.index)
    own = table["subject"].astype("string") if "subject" in table.columns else rows
    patients = table["patient"].astype("string").fillna(own) if "patient" in table.columns else own
    return patients.to_numpy(object)


def vocabulary(table: pd.DataFrame, names: Sequence[str]) -> dict[str, list[str]]:
    """Known values of the categorical conditions among `names`, sorted."""
    return {
        name: sorted(str(value) for value in table[name].dropna().unique())
        for name in names
        if name in CATEGORIES
    }


def raw_values(table: pd.DataFrame, name: str) -> np.ndarray:
    """One scalar condition of every row, float32, NaN where unknown or where the table has no such column.

    `lv_ef` is the column of that name, which is in percent or, where that is unknown, 1 - ESV / EDV. `es_phase` is
    the fraction of the cycle at ES: the column of that name, or ``es_frame / n_frames``; where the frames of a cine lie in
    its cycle is `es_of_frames`.
    """
    if name == "lv_ef":
        values = _column(table, "lv_ef") / 100
        values = np.where(
            np.isnan(values), 1 - _column(table, "lv_esv_ml") / _column(table, "lv_edv_ml"), values
        )
    elif name == "es_phase" and "es_phase" not in table.columns:
        values = _column(table, "es_frame") / _column(table, "n_frames")
    else:
        values = _column(table, name)
    if name == "es_phase":  # an ES at the very ends of the cycle is a missing value in disguise
        values = np.where((values > 0) & (values < 1), values, np.nan)
    return values.astype(np.float32)


def es_of_frames(table: pd.DataFrame) -> np.ndarray:
    """Fraction of the cycle at which the frame of ES lies, of every row, float32, NaN where unknown.

    Where the frames are in their cycle is known of the frames: an own column `es_phase`, measured elsewhere, is a condition
    and stands in where no frame of ES is known.
    """
    frames = _column(table, "es_frame") / _column(table, "n_frames")
    known = (frames > 0) & (frames < 1)
    return np.where(known, frames, raw_values(table, "es_phase")).astype(np.float32)


def _column(table: pd.DataFrame, name: str) -> np.ndarray:
    if name not in table.columns:
        return np.full(len(table), np.nan)
    return pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


class Conditioner(nn.Module):
    """Reads conditions from a table and makes the conditioning of a network; each part may be unknown.

    Parameters
    ----------
    names : sequence of str
        Scalar conditions: categories by vocabulary, the others standardised.
    vocabulary : mapping of str to list of str
        Known values of each categorical condition.
    size : int
        Length of the embedding.
    dropout : Dropout
        What training replaces by nulls.
    token_width : int
        Channels of context tokens; 0 for none.
    control_channels : int
        Channels of control volumes; 0 for none.
    """

    mean: Tensor
    standard_deviation: Tensor

    def __init__(
        self,
        names: Sequence[str],
        vocabulary: Mapping[str, list[str]],
        size: int,
        dropout: Dropout | None = None,
        token_width: int = 0,
        control_channels: int = 0,
    ) -> None:
        super().__init__()
        self.names, self.size = list(names), size
        self.dropout = dropout or Dropout()
        self.vocabulary = dict(vocabulary)
        self.continuous = [name for name in names if name not in CATEGORIES]
        # One row at least: an empty column has an empty vocabulary.
        counts = {name: max(len(values), 1) for name, values in self.vocabulary.items()}
        self.embedding = ConditionEmbedding(self.continuous, counts, size)
        self.register_buffer("mean", torch.zeros(len(self.continuous)))
        self.register_buffer("standard_deviation", torch.ones(len(self.continuous)))
        self.control_channels = control_channels
        self.null_token = (
            nn.Parameter(torch.randn(token_width) / math.sqrt(token_width)) if token_width else None
        )

    @property
    def conditional(self) -> bool:
        """Whether there is anything to be conditioned on, and so to guide towards."""
        return bool(self.names) or self.null_token is not None or self.control_channels > 0

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
            A category that the training fold did not have, or a value that should be a number and is none.
        """
        values: dict[str, Tensor] = {}
        for name in self.names:
            if name in CATEGORIES:
                column = table[name] if name in table.columns else [None] * len(table)
                values[name] = torch.tensor([self._index(name, value) for value in column])
            else:
                if name in table.columns:
                    _check_are_numbers(table, name, "condition")
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

    def draw_kept(self, count: int, generator: torch.Generator) -> Kept:
        """Which parts a training batch keeps, by the dropout."""
        return self.dropout.draw(count, len(self.names), generator)

    def nothing(self, count: int) -> Kept:
        """Every part dropped."""
        return Kept.whole(self.mean.new_zeros(count, dtype=torch.bool), len(self.names))

    def all_then_nothing(self, count: int) -> Kept:
        """Every part of the first `count` samples, no part of as many after them."""
        return Kept.whole(torch.arange(2 * count, device=self.mean.device) < count, len(self.names))

    def forward(self, values: Mapping[str, Tensor], kept: Kept | None = None) -> Conditioning:
        """Conditioning of raw values; what is not `kept` counts as unknown.

        Parameters
        ----------
        values : mapping of str to Tensor
            (b,) for each scalar, NaN where unknown. With tokens, `TOKENS` (b, n, width) and `TOKEN_MASK` (b, n); a
            sample without a token has the null. With control, `CONTROL` (b, c, ...), NaN where unknown.
        kept : Kept, optional
            All parts where not given.
        """
        tokens, mask = None, None
        if self.null_token is not None:
            tokens, mask = _with_null(values[TOKENS], values[TOKEN_MASK], kept, self.null_token)
        control = self._control(values[CONTROL], kept) if self.control_channels else None
        return Conditioning(self._vector(values, kept), tokens, mask, control)

    def each(self, values: Mapping[str, Tensor], kept: Kept | None = None) -> Tensor:
        """One token a scalar or category, (b, names, size), its null where unknown; without conditions (1, 0, size).

        Arguments as those of `forward`; the sum over the names is its `vector`.
        """
        if not self.names:
            return self.mean.new_zeros(1, 0, self.size)
        embedded = self.embedding.each(*self._standardised(values, kept))
        return rearrange(embedded, "names b size -> b names size")

    def _vector(self, values: Mapping[str, Tensor], kept: Kept | None) -> Tensor:
        """Sum of the embeddings, (b, size); without conditions 0, (1, size)."""
        if not self.names:
            return self.mean.new_zeros(1, self.size)
        embedded: Tensor = self.embedding(*self._standardised(values, kept))
        return embedded

    def _standardised(
        self, values: Mapping[str, Tensor], kept: Kept | None
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Values of every scalar and category as they are embedded, and which are known, (b,) each."""
        known, standardised = {}, {}
        for place, name in enumerate(self.names):
            known[name] = torch.isfinite(values[name])
            if kept is not None:
                known[name] = known[name] & kept.values[:, place]
            standardised[name] = values[name]
            if name in self.continuous:
                index = self.continuous.index(name)
                standardised[name] = (values[name] - self.mean[index]) / self.standard_deviation[index]
        return standardised, known

    def _control(self, control: Tensor, kept: Kept | None) -> Tensor:
        """Control volumes, 0 where unknown, and a last channel that says where they are given."""
        given = torch.isfinite(control).flatten(1).all(dim=1)
        if kept is not None:
            given = given & kept.control
        everywhere = given.view(-1, *(1,) * (control.ndim - 1))
        flag = everywhere.expand(-1, 1, *control.shape[2:])
        return torch.cat([torch.where(everywhere, control, 0.0), flag.to(control)], dim=1)


def _with_null(tokens: Tensor, mask: Tensor, kept: Kept | None, null: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens (b, n, width) and which exist (b, n); of a sample without any, the first alone, which is the null."""
    given = mask.any(dim=1)
    if kept is not None:
        given = given & kept.tokens
    first = torch.arange(mask.shape[1], device=mask.device) == 0
    return torch.where(given[:, None, None], tokens, null), torch.where(given[:, None], mask, first)
