"""Sequence-aware diffusion: the next frame of a cine, given all frames before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from einops import rearrange, repeat
from torch import Tensor

from synthaug.config.generators import SamplerSettings
from synthaug.config.sequence_diffusion import SequenceDiffusionSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.diffusion.draws import normal_like
from synthaug.diffusion.noise import Noise
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.latent_diffusion import ConditionedPredict, LatentDiffusion
from synthaug.networks.conditioning import Kept
from synthaug.networks.embeddings import PhaseEmbedding
from synthaug.networks.sequence_encoder import SequenceEncoder
from synthaug.networks.unet import LatentUNet


class SequenceDiffusion(LatentDiffusion):
    """Latent of a frame, given the latents of all frames before it, its phase p_n and conditions c.

    Data        z_n = (encode(x_n) - mean) / sd,  (b, c, z, y, x), zero in missing slices, for random frames n
    Forward     z_t = alpha_t z_n + sigma_t e,  e ~ N(0, I)
    Prediction  f(z_t, h_n, slices, p_n, t, c) = z_n (objective `data`), e, v or the flow velocity;
                h_n = S(z_0, ..., z_{n-1}, p_0, ..., p_n), the sequence encoder; h_0 is that of the null sequence
    Loss        w_t |f(...) - target|^2, mean over slices that exist; c replaced by nulls at random; frames before
                hidden at random, and noised

    Sampling    z_0, z_1, ... one after the other, each with noise of its own

    References
    ----------
    Yoon et al., SADM: sequence-aware diffusion model for longitudinal medical image generation, IPMI 2023.
    """

    settings: SequenceDiffusionSettings

    def __init__(
        self,
        settings: SequenceDiffusionSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        channels = self.autoencoder.latent_shape[0]
        self.frames = grid.frames // self.autoencoder.frames_per_latent
        if settings.frames_drawn > self.frames:
            raise SynthaugError(
                f"sequence_diffusion: frames_drawn is {settings.frames_drawn} of {self.frames} latent frames; give fewer"
            )
        self.encoder = SequenceEncoder(channels, settings.width, settings.depth, settings.heads)
        self.phase = PhaseEmbedding(self.embedding_size)
        self.network = LatentUNet(
            channels + 1 + settings.width,
            channels,
            settings.channels,
            settings.blocks,
            self.embedding_size,
            temporal=False,
        )

    def prepare(self, store: TensorStore) -> None:
        """Encode all frames; take statistics of the latents and of the conditions."""
        self.fit_to_cines(store)

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Fresh draws of cines, with the `places` (b, m) to predict and which frames are `known` (b, t)."""
        settings, count = self.settings, len(indices)
        batch = self.cine_batch(indices, generator)
        places = [torch.randperm(self.frames, generator=generator)[: settings.frames_drawn] for _ in indices]
        share = settings.missing * torch.rand(count, 1, generator=generator)
        known = torch.rand(count, self.frames, generator=generator) >= share
        sequence = torch.rand(count, 1, generator=generator) >= settings.drop_sequence
        return {**batch, "places": torch.stack(places), "known": known & sequence}

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Denoising error of the drawn frames over existing slices."""
        places, slices = batch["places"], batch["slices"]
        m = places.shape[1]
        latents = self.normalise(batch["latents"], slices[:, None])
        noise = normal_like(latents, generator)
        before = latents + self.settings.sequence_noise * noise * slices[:, None]
        contexts = self.encoder(before, batch["known"], batch["phases"], slices)
        rows = torch.arange(len(places), device=places.device)[:, None]
        folded = "b m ... -> (b m) ..."
        many_slices = slices.repeat_interleave(m, dim=0)
        values = {name: batch[name].repeat_interleave(m, dim=0) for name in self.conditioner.names}
        predict = self._predictor(
            values,
            rearrange(batch["phases"][rows, places], folded),
            rearrange(contexts[rows, places], folded),
            many_slices,
        )
        data = rearrange(latents[rows, places], folded)
        return self.diffusion_loss(predict, data, many_slices, generator), {}

    def sample(
        self,
        values: Mapping[str, Tensor],
        phases: Tensor,
        slices: Tensor,
        noise: Noise,
        settings: SamplerSettings,
    ) -> Tensor:
        """Latents of whole cycles, frame after frame; what the encoder computed of earlier frames is kept.

        Parameters
        ----------
        values : mapping of str to Tensor, shape (b,)
            Raw conditions, from `Conditioner.read`.
        phases : Tensor, shape (b, t)
            From `cardiac_phase`, one a latent frame.
        slices : Tensor, shape (b, 1, z, 1, 1)
            1 where a slice is requested.
        noise : Noise
            A stream for each row; each frame takes the next draw.
        settings : SamplerSettings
            Solver, steps, guidance towards the conditions; the frames before are given in both predictions.

        Returns
        -------
        Tensor, shape (b, t, c, z, y, x)
            As the autoencoder encodes them; 0 in slices that are not requested.
        """
        shape = self.autoencoder.latent_shape
        like = slices.new_zeros(len(slices), *shape)
        context, layers = self.encoder.begin(like, phases, slices)
        frames: list[Tensor] = []
        for number in range(phases.shape[1]):
            if number:
                context = self.encoder.proceed(frames[-1], phases[:, number], slices, layers)
            given = (values, phases[:, number], context, slices)
            frames.append(self.solve(self._predictor, given, noise, shape, settings) * slices)
        return self.denormalise(torch.stack(frames, dim=1), slices[:, None])

    def _predictor(
        self, values: Mapping[str, Tensor], phases: Tensor, contexts: Tensor, slices: Tensor
    ) -> ConditionedPredict:
        """The network on single frames (b, c, z, y, x) of these phases (b,) and contexts (b, width, z, y, x)."""
        everywhere = repeat(slices, "b 1 z 1 1 -> b 1 z y x", y=contexts.shape[-2], x=contexts.shape[-1])
        beside = torch.cat([everywhere, contexts], dim=1)

        def predict(noisy: Tensor, times: Tensor, kept: Kept | None) -> Tensor:
            embedding = self.time(times) + self.conditioner(values, kept).vector + self.phase(phases)
            answer: Tensor = self.network(torch.cat([noisy * slices, beside], dim=1), slices, embedding)
            return answer

        return predict
