"""Masked autoregressive model of whole cines with a token diffusion loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from einops import repeat
from torch import Tensor

from synthaug.config.autoregression import MaskedAutoregressionSettings
from synthaug.config.generators import SamplerSettings
from synthaug.data.store import TensorStore
from synthaug.diffusion.draws import uniform
from synthaug.diffusion.guidance import guided
from synthaug.diffusion.noise import Noise
from synthaug.diffusion.objectives import DiffusionObjective
from synthaug.diffusion.samplers import sample
from synthaug.diffusion.schedules import Schedule
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.conditioned_latents import ConditionedLatents
from synthaug.models.denoising_error import assess_denoising
from synthaug.models.masking import draw_mask_ratios, most_known, random_order, still_masked
from synthaug.networks.attention import take
from synthaug.networks.masked_transformer import MaskedTransformer
from synthaug.networks.patches import Patches, check_patch
from synthaug.networks.token_denoiser import TokenDenoiser


class MaskedAutoregression(ConditionedLatents):
    """Latents of whole cines as tokens, any of which is predicted from any others; each token by diffusion.

    Data        z = (encode(x) - mean) / sd,  (b, t, c, z, y, x), cut into tokens x_1 .. x_n, each a patch of latent
                frames, rows and columns of one slice; tokens of missing slices do not exist
    Masking     ceil(r n) tokens at random, the set M;  r ~ N(1, 0.25^2), truncated to [0.7, 1]
    Context     h = decoder(encoder(c, {x_j : j not in M}), mask tokens),  (b, n, width);  attention bidirectional
    Forward     x_i^s = alpha_s x_i + sigma_s e,  e ~ N(0, I)
    Prediction  f(x_i^s, s, h_i) = x_i (objective `data`), e, v or the flow velocity;  f: perceptron
    Loss        w_s |f(x_i^s, s, h_i) - target|^2, mean over i in M and some draws of (s, e); parts of c replaced by nulls
                at random
    Sampling    all masked; in step k of K the tokens that come next in a random order are drawn by the reverse
                diffusion, given h, until floor(n cos(pi k / 2K)) are left;
                f(h_null) + g_k (f(h) - f(h_null)),  g_k linear from 1 to the guidance; a guidance of 0 is 0 in all
                steps, which see the nulls alone

    Nothing of one step of sampling is used in the next but tokens and conditions: with bidirectional attention every
    new token changes the features of all.

    References
    ----------
    Li et al., Autoregressive image generation without vector quantization, NeurIPS 2024. Li et al., Phenotype-guided
    generative model for high-fidelity cardiac MRI synthesis (CPGG), 2025: cardiac phenotypes as conditions, patches
    over frames. Differences: slices and their masking; cardiac phase as the place in time; one token, with its null,
    of each condition in front of the buffer of their sum; a mask ratio of each subject; the data are predicted unless
    the objective says otherwise, with a fixed variance of the reverse diffusion; no dropout of features.
    """

    settings: MaskedAutoregressionSettings

    def __init__(
        self,
        settings: MaskedAutoregressionSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        self.frames = grid.frames // self.autoencoder.frames_per_latent
        channels, depth, rows, columns = self.autoencoder.latent_shape
        check_patch("masked_autoregression", (self.frames, rows, columns), settings.patch)
        self.patches = Patches(channels, (depth, rows, columns), settings.patch)
        self.tokens_per_slice = (
            self.frames // settings.patch[0] * self.patches.places[0] * self.patches.places[1]
        )
        self.objective = DiffusionObjective(
            settings.objective, Schedule(settings.schedule, settings.noise_shift), settings.loss
        )
        self.conditioner = self.make_conditioner(settings.width)
        self.network = MaskedTransformer(
            self.patches,
            settings.width,
            settings.encoder_depth,
            settings.decoder_depth,
            settings.heads,
            settings.buffer,
        )
        self.head = TokenDenoiser(
            self.patches.features, settings.width, settings.head_width, settings.head_depth
        )

    def prepare(self, store: TensorStore) -> None:
        """Encode all frames; take statistics of the latents and of the conditions."""
        self.fit_to_cines(store)

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Fresh draws of cines; see `cine_batch`."""
        return self.cine_batch(indices, generator)

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Denoising error of the masked tokens."""
        slices, smallest = batch["slices"], self.settings.smallest_mask_ratio
        tokens = self.patches.cut(self.normalise(batch["latents"], slices[:, None]))
        b, n, _ = tokens.shape
        draws = uniform((b, n), tokens.device, generator)
        order, existing = random_order(draws, self.patches.existing(slices, self.frames))
        ratios = draw_mask_ratios(b, smallest, generator).to(tokens.device, non_blocking=True)
        limit = most_known(n, smallest)
        known = (existing - (ratios * existing).ceil().long()).clamp(max=limit)
        kept = self.conditioner.draw_kept(b, generator).to(tokens.device)
        conditions = self.conditioner.each(batch, kept).expand(b, -1, -1)
        tokens = take(tokens, order)
        context = self.network(tokens, order, known, limit, existing, batch["phases"], conditions)
        place = torch.arange(n, device=tokens.device)
        masked = (place >= known[:, None]) & (place < existing[:, None])
        return self.token_loss(tokens, context, masked, generator), {}

    def assess(self, store: TensorStore) -> dict[str, float]:
        """Denoising error of masked tokens by noise level; see `assess_denoising`."""
        return assess_denoising(self, self.objective, store)

    def token_loss(
        self, tokens: Tensor, context: Tensor, masked: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Denoising error of tokens (b, n, features) given their context (b, n, width), where `masked` (b, n)."""
        draws = self.settings.draws
        context = repeat(context, "b n d -> (draws b n) d", draws=draws)
        return self.objective.loss(
            lambda noisy, times: self.head(noisy, times, context),
            repeat(tokens, "b n d -> (draws b n) d", draws=draws),
            repeat(masked, "b n -> (draws b n) 1", draws=draws).to(tokens),
            generator,
        )

    @torch.no_grad()
    def sample(
        self,
        values: Mapping[str, Tensor],
        phases: Tensor,
        slices: Tensor,
        noise: Noise,
        settings: SamplerSettings,
        steps: int,
        temperature: float = 1.0,
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
        settings : SamplerSettings
            Solver and steps of a token's diffusion; its guidance is that of the last step of decoding.
        steps : int
            Steps of decoding.
        temperature : float
            Factor of the noise of a token.

        Returns
        -------
        Tensor, shape (b, t, c, z, y, x)
            As the autoencoder encodes them; 0 in slices that are not requested.
        """
        b, depth = len(phases), self.patches.size[0]
        n = depth * self.tokens_per_slice
        order, existing = random_order(noise(n), self.patches.existing(slices, self.frames))
        # Of every number of slices a sample may have: shapes, and so draws of noise, are the same in every batch.
        left = torch.tensor([still_masked(z * self.tokens_per_slice, steps) for z in range(depth + 1)])
        known = torch.arange(depth + 1)[:, None] * self.tokens_per_slice - left  # (z + 1, steps + 1)
        limits, widths = known.amax(dim=0).tolist(), known.diff(dim=1).amax(dim=0).tolist()
        known = known.to(slices.device)[existing // self.tokens_per_slice]

        tokens = phases.new_zeros(b, n, self.patches.features)
        given = self.conditioner.each(values).expand(b, -1, -1)
        nulls = self.conditioner.each(values, self.conditioner.nothing(b)).expand(b, -1, -1)
        for step, (limit, width) in enumerate(zip(limits, widths, strict=False)):
            if not width:  # more steps than tokens
                break
            scale = guidance_at(step, steps, settings.guidance) if self.conditioner.conditional else 1.0
            asked = [given] if scale == 1 else [nulls] if scale == 0 else [given, nulls]
            conditions, branches = torch.cat(asked), len(asked)
            # Samples of fewer slices decode fewer: what lies beyond is not written. Modulo keeps places distinct.
            places = known[:, step, None] + torch.arange(width, device=tokens.device)
            decoded = places < known[:, step + 1, None]
            places = places % n
            context = self.network(
                *(torch.cat([part] * branches) for part in (tokens, order, known[:, step])),
                limit,
                *(torch.cat([part] * branches) for part in (existing, phases)),
                conditions,
                torch.cat([places] * branches),
            )
            drawn = self._draw_tokens(
                context, noise, (width, self.patches.features), settings, scale, temperature
            )
            written = torch.where(decoded[..., None], drawn, take(tokens, places))
            tokens = tokens.scatter(1, repeat(places, "b m -> b m d", d=tokens.shape[-1]), written)
        data = self.patches.paste(take(tokens, order.argsort(dim=1)))
        return self.denormalise(data, slices[:, None])

    def _draw_tokens(
        self,
        context: Tensor,
        noise: Noise,
        shape: tuple[int, int],
        settings: SamplerSettings,
        scale: float,
        temperature: float,
    ) -> Tensor:
        """Tokens (b, *shape) by the reverse diffusion.

        The context (b, m, width) is that of the conditions with a scale of 1, of the nulls with 0, else of both in turn.
        """
        stochastic = settings.name == "ddpm"
        low, high = settings.guidance_interval
        branches = 1 if scale in (0, 1) else 2

        def denoise(noisy: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
            times = noisy.new_full((1, 1), float(time))  # one for all tokens; filled there: a copy would wait
            prediction = self.head(torch.cat([noisy] * branches), times, context).float()
            if branches == 2:
                inside = low <= float(time) <= high
                prediction = guided(prediction, scale) if inside else prediction[: len(noisy)]
            return self.objective.split(noisy, prediction, time)

        start = noise(*shape) * (1.0 if stochastic else temperature)
        return sample(
            denoise,
            start,
            self.objective.schedule,
            settings.name,
            settings.steps,
            self.objective.last_time,
            redraw=lambda: temperature * noise(*shape),
        )


def guidance_at(step: int, steps: int, last: float) -> float:
    """Guidance scale of a step of decoding: linear from 1 at the first to `last` at the last.

    A single step has `last`. With `last` 0 every step has 0: the sample is unconditional.
    """
    return last if steps == 1 or last == 0 else 1 + (last - 1) * step / (steps - 1)
