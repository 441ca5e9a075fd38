"""Autoregressive model of whole cines over the codes of a vector-quantised autoencoder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional

from synthaug.config.autoregression import VQAutoregressionSettings
from synthaug.config.generators import CodeSamplerSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.diffusion.guidance import guided
from synthaug.diffusion.noise import Noise
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.codes import CodeCache, draw_codes, encode_codes
from synthaug.models.conditioned_latents import ConditionedLatents
from synthaug.models.vq_autoencoder import VQAutoencoder
from synthaug.networks.causal_transformer import CausalTransformer
from synthaug.networks.patches import Patches


class VQAutoregression(ConditionedLatents):
    """Codes of whole cines, each predicted from those before it.

    Data        k_i = argmin_k |encode(x)_i - v_k|,  i = 1 .. n over frames, slices, rows, columns; codes of missing
                slices do not exist;  v_k: code vectors of the autoencoder
    Prediction  p(k_i | k_1 .. k_(i-1), slices, c) = softmax(f(v_k_1 .. v_k_(i-1), slices, c));  f: causal transformer
    Loss        -log p(k_i | k_1 .. k_(i-1), slices, c), mean over codes that exist; parts of c replaced by nulls at
                random
    Sampling    k_1, k_2, .. k_n in turn, of the likeliest codes (top k, top p), from softmax(l / temperature),
                l = f(c_null) + g (f(c) - f(c_null)),  g: guidance

    Keys and values of attention are kept from one code to the next: a code costs one pass of one token.

    References
    ----------
    Yan et al., VideoGPT: video generation using VQ-VAE and transformers, 2021. Differences: slices and their masking;
    cardiac phase as the place in time; one token of each condition, with its null, in front, in place of normalisation
    that depends on the class; guidance (Ho and Salimans, 2022); no dropout of features.
    """

    settings: VQAutoregressionSettings
    coded: CodeCache

    def __init__(
        self,
        settings: VQAutoregressionSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        if not hasattr(self.autoencoder, "codebook"):  # of a class from outside
            raise SynthaugError(
                "vq_autoregression: the autoencoder has no codebook; give a vq_autoencoder, or a class with codebook and "
                "nearest_codes like its"
            )
        self.frames = grid.frames // self.autoencoder.frames_per_latent
        channels, depth, rows, columns = self.autoencoder.latent_shape
        self.patches = Patches(channels, (depth, rows, columns), (1, 1, 1))
        self.tokens_per_slice = self.frames * rows * columns
        self.conditioner = self.make_conditioner(settings.width)
        self.network = CausalTransformer(
            self.patches, settings.width, settings.depth, settings.heads, len(self.autoencoder.codebook)
        )

    @property
    def autoencoder(self) -> VQAutoencoder:
        """The autoencoder of the codes."""
        return cast(VQAutoencoder, self.needs["autoencoder"])

    def prepare(self, store: TensorStore) -> None:
        """Encode all frames; take statistics of the code vectors and of the conditions."""
        self.fit_to_table(store)
        self.coded = encode_codes(self.autoencoder, store, self.settings.copies, self.settings.augmentation)
        vectors = functional.embedding(self.coded.codes[0], self.autoencoder.codebook.cpu())
        self.fit_normalisation(rearrange(vectors, "n t z y x c -> n t c z y x"))

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Draws of encoded copies: `codes` (b, t, z, y, x), `phases` (b, t), slices, conditions."""
        copies = torch.randint(self.settings.copies, (len(indices),), generator=generator)
        return {
            "codes": self.coded.codes[copies, indices].long(),
            "phases": self.phases[indices],
            "slices": self.slices[indices],
            **self.values_of(indices, self.coded.scale[copies, indices]),
        }

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Negative log likelihood of a code, in nats."""
        b = len(batch["codes"])
        kept = self.conditioner.draw_kept(b, generator).to(batch["codes"].device)
        logits, codes, there = self.logits(batch, self.conditioner.each(batch, kept).expand(b, -1, -1))
        errors = functional.cross_entropy(logits.float().mT, codes, reduction="none") * there
        return errors.sum() / there.sum(), {}

    def logits(self, batch: Mapping[str, Tensor], conditions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (b, n, codes) of every code given those before it, the codes and which exist, (b, n).

        Parameters
        ----------
        batch : mapping of str to Tensor
            Of `batch`.
        conditions : Tensor, shape (b, m, width)
            One token a condition.
        """
        slices = batch["slices"]
        existing = self.patches.existing(slices, self.frames)
        order = raster_order(existing)
        codes = rearrange(batch["codes"], "b t z y x -> b (t z y x)").gather(1, order)
        logits = self.network(
            functional.embedding(codes, self._vectors()), order, slices, batch["phases"], conditions
        )
        return logits, codes, existing.gather(1, order)

    @torch.no_grad()
    def sample(
        self,
        values: Mapping[str, Tensor],
        phases: Tensor,
        slices: Tensor,
        noise: Noise,
        settings: CodeSamplerSettings,
        most_slices: int | None = None,
    ) -> Tensor:
        """Latents of whole cycles.

        Parameters
        ----------
        values : mapping of str to Tensor, shape (b,)
            Raw conditions, from `Conditioner.read`.
        phases : Tensor, shape (b, t)
            From `cardiac_phase`, one a latent frame.
        slices : Tensor, shape (b, 1, z, 1, 1)
            1 where a slice is requested.
        noise : Noise
            A stream for each row.
        settings : CodeSamplerSettings
            Guidance, temperature, top k and top p.
        most_slices : int, optional
            No sample has more slices, so that no codes beyond are drawn; those of the grid where not given.

        Returns
        -------
        Tensor, shape (b, t, c, z, y, x)
            Vectors of the codes; 0 in slices that are not requested.
        """
        b, depth = len(phases), self.patches.size[0]
        scale = settings.guidance if self.conditioner.conditional else 1.0
        given = self.conditioner.each(values).expand(b, -1, -1)
        nulls = self.conditioner.each(values, self.conditioner.nothing(b)).expand(b, -1, -1)
        asked = [given] if scale == 1 else [nulls] if scale == 0 else [given, nulls]
        conditions, branches = torch.cat(asked), len(asked)

        def for_branches(part: Tensor) -> Tensor:
            return torch.cat([part] * branches)

        order = raster_order(self.patches.existing(slices, self.frames))
        quantiles = torch.special.ndtr(noise(depth * self.tokens_per_slice))
        vectors = self._vectors()
        limit = (most_slices or depth) * self.tokens_per_slice
        logits, decoding = self.network.begin(
            for_branches(order), for_branches(slices), for_branches(phases), conditions, limit
        )
        drawn = torch.zeros_like(order)
        for place in self.places(limit):
            if place:
                last = functional.embedding(drawn[:, place - 1], vectors)
                logits = self.network.proceed(for_branches(last), decoding)
            logits = logits.float()
            if branches == 2:
                logits = guided(logits, scale)
            drawn[:, place] = draw_codes(logits, quantiles[:, place], settings)
        codes = drawn.gather(1, order.argsort(dim=1))
        latents = self.patches.paste(functional.embedding(codes, self.autoencoder.codebook))
        return latents * slices[:, None]

    def places(self, limit: int) -> Iterable[int]:
        """Places of the codes in the order in which they are drawn; a rehearsal, which draws none, takes the first few."""
        return range(limit)

    def _vectors(self) -> Tensor:
        """Normalised code vectors, (codes, c)."""
        return (self.autoencoder.codebook - self.mean.flatten()) / self.standard_deviation.flatten()


def raster_order(existing: Tensor) -> Tensor:
    """Places of the tokens that exist, (b, n) bool, in ascending order, then of the others: (b, n) int."""
    return existing.logical_not().int().argsort(dim=1, stable=True)
