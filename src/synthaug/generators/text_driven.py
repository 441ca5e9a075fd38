"""Text-driven: a whole cine from a sentence by one diffusion model, then decoding; and where it looked at which word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synthaug.config.generators import TextDrivenSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.data.store import first_slice
from synthaug.diffusion.noise import Noise
from synthaug.generators.latent import LatentGenerator
from synthaug.generators.word_maps import word_maps
from synthaug.models.base import TrainableModel
from synthaug.models.latent_autoencoder import LatentAutoencoder
from synthaug.models.text_diffusion import Collect, TextDiffusion


class TextDriven(LatentGenerator):
    """All slices and frames are drawn together, given the words of a request's sentence.

    References
    ----------
    Liu et al., TexDC: text-driven disease-aware 4D cardiac cine MRI images generation. docs/generators/text_driven.md says where
    this departs from it.
    """

    def __init__(
        self, autoencoder: LatentAutoencoder, diffusion: TextDiffusion, settings: TextDrivenSettings
    ) -> None:
        models = {"autoencoder": autoencoder, "diffusion": diffusion}
        super().__init__(autoencoder, models, unconditional=models if settings.sampler.unconditional else ())
        if settings.start_weight and diffusion.alignment is None:
            raise SynthaugError(
                "text_driven: start_weight takes class means from an alignment, which the diffusion model lacks; set 0"
            )
        if settings.start_weight:
            # Without guidance, too: the start noise is that of the class.
            self.conditions = sorted({*self.conditions, "diagnosis"})
        self.diffusion = diffusion
        self.settings = settings

    @classmethod
    def of(cls, settings: TextDrivenSettings, models: Mapping[str, TrainableModel]) -> TextDriven:
        """Made of autoencoder and diffusion; see `LatentGenerator.of`."""
        return cls(
            cast(LatentAutoencoder, models["autoencoder"]),
            cast(TextDiffusion, models["diffusion"]),
            settings,
        )

    def draw(self, rows: pd.DataFrame, slices: Tensor) -> Tensor:
        """Latents of whole cycles; see `LatentGenerator.draw`."""
        return self._draw(rows, slices, self._values(rows))

    def attention_maps(self, requests: Cohort, words: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
        """Attention of each pixel to words while a request is sampled, one request after the other.

        Sampling is that of `sample`, with the same noise. Fused attention, which gives no weights, is off here only.

        Parameters
        ----------
        requests : Cohort
            As for `sample`.
        words : sequence of str
            Words or phrases of the sentences; ``[CLS]`` is the class, ``[V]`` all contexts of an alignment.

        Yields
        ------
        subject : str
        maps : ndarray, shape (w, t, z, y, x), float32
            Mean over steps, layers, heads, and over the pieces of a word; z is the request's n_slices. NaN for a word
            that the sentence lacks, and for all where guidance 0 never reads the sentence.
        """
        for start in range(len(requests.table)):
            rows = requests.table.iloc[start : start + 1]
            yield str(rows["subject"].iloc[0]), self._maps_of(rows, words)

    @torch.no_grad()
    def _maps_of(self, rows: pd.DataFrame, words: Sequence[str]) -> np.ndarray:
        slices = self._slices(rows).to(self.device)
        with self.precision():
            values = self._values(rows)

            def draw(collect: Collect) -> Tensor:
                return self._draw(rows, slices, values, collect)

            return word_maps(self.diffusion, rows, values, words, draw)

    def _values(self, rows: pd.DataFrame) -> dict[str, Tensor]:
        return {name: value.to(self.device) for name, value in self.diffusion.read(rows).items()}

    def _draw(
        self,
        rows: pd.DataFrame,
        slices: Tensor,
        values: Mapping[str, Tensor],
        collect: Collect | None = None,
    ) -> Tensor:
        weight = self.settings.start_weight
        return self.diffusion.sample(
            values,
            self.phases(rows),
            slices,
            Noise(rows["seed"], self.device),
            self.settings.sampler,
            weight * self.diffusion.start_mean(rows) if weight else None,
            collect,
        )


def attention_maps(generator: TextDriven, requests: Cohort, words: Sequence[str]) -> np.ndarray:
    """Maps of all requests on the generator's grid, (subject, word, t, z, y, x), float32.

    NaN in slices that a request lacks and for words that its sentence lacks; see `TextDriven.attention_maps`.
    """
    grid = generator.grid
    shape = (len(requests.table), len(words), grid.frames, grid.z, grid.y, grid.x)
    found = np.full(shape, np.nan, np.float32)
    for place, (_, maps) in enumerate(generator.attention_maps(requests, words)):
        first = first_slice(maps.shape[2], grid.z)
        found[place, :, :, first : first + maps.shape[2]] = maps
    return found
