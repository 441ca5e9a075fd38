"""Attention to words while a cine is sampled from a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from torch import Tensor

from synthaug.data.store import first_slice
from synthaug.models.conditioner import TOKENS
from synthaug.models.sentences import word_columns
from synthaug.models.text_diffusion import Collect, TextDiffusion
from synthaug.networks.attention_maps import MeanMaps
from synthaug.text.sentences import sentences_of


def word_maps(
    diffusion: TextDiffusion,
    row: pd.DataFrame,
    values: Mapping[str, Tensor],
    words: Sequence[str],
    draw: Callable[[Collect], Tensor],
) -> np.ndarray:
    """Attention of each pixel to words in the sampling of one request.

    Parameters
    ----------
    diffusion : TextDiffusion
        The model that attends.
    row : DataFrame
        One row of requests.
    values : mapping of str to Tensor
        Its words and conditions, from `TextDiffusion.read`.
    words : sequence of str
        Words or phrases of the sentence; ``[CLS]`` is the class, ``[V]`` all contexts of an alignment.
    draw : callable
        Samples the request and hands over the maps of every pass with the conditions.

    Returns
    -------
    ndarray, shape (w, t, z, y, x), float32
        Mean over steps, layers, heads, and over the pieces of a word; z is the request's n_slices. NaN for a word that the
        sentence lacks, and for all where guidance 0 never reads the sentence.
    """
    grid, merged = diffusion.grid, diffusion.autoencoder.frames_per_latent
    columns = word_columns(diffusion.pieces(sentences_of(row)[0]), words, values[TOKENS].shape[1])
    steps = MeanMaps(columns[None].to(values[TOKENS].device), diffusion.frames, (grid.y, grid.x))
    draw(steps.add)
    count = int(row["n_slices"].iloc[0])
    if not steps.steps:
        return np.full((len(words), grid.frames, count, grid.y, grid.x), np.nan, np.float32)
    maps = steps.mean()[0].cpu().numpy().repeat(merged, axis=1)
    maps[~columns.any(dim=0).numpy()] = np.nan
    first = first_slice(count, grid.z)
    return np.asarray(maps[:, :, first : first + count])
