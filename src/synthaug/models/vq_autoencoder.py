"""Vector-quantised autoencoder of single slices through the cycle (2D+t), with masks from the same codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from einops import rearrange
from monai.networks.nets.vqvae import VQVAE
from torch import Tensor

from synthaug.config.autoencoders import VQAutoencoderSettings
from synthaug.models.autoencoder import CLASSES
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.codebook_losses import code_entropies, draw_positions, length_loss
from synthaug.models.sharpening import SharpeningTerms
from synthaug.models.slice_autoencoder import SLICES_AT_ONCE, SliceLatentsAutoencoder, set_network_strides
from synthaug.networks.codebook import Codebook
from synthaug.networks.cyclic import make_cyclic

_NO_SPREAD = -20.0  # log-variance of a latent that is not drawn
_DEAD = 0.5  # a code that fewer items a batch are near, by the moving average, stands for nothing
_REVIVED_EVERY = 20  # iterations


class VQAutoencoder(SliceLatentsAutoencoder):
    """Vector-quantised autoencoder of single slices through the cycle, with masks from the same codes.

    Data        x: one slice, (t, y, x) in [0, 1];  m: masks of its labelled frames;  code vectors v_k
    Prediction  z = E(x);  q(z) = the nearest v_k;  (y, m') = D(q(z)), gradients copied from q(z) to z
    Loss        |y - x| + w_g |grad y - grad x| + |z - q(z)|^2 / 4 + w_m CEDice(m', m) + `SharpeningTerms`
                + w_e (mean H(p(z)) - H(mean p(z))) + w_n (|z| - 1)^2,  p_k(z) ~ exp(-|z - v_k|^2 / temperature)

    Diffusion models are trained on z, and what they draw is quantised before it is decoded.

    References
    ----------
    van den Oord et al., Neural discrete representation learning, NeurIPS 2017 (with MONAI's moving-average
    codebook); Dhariwal et al., Jukebox, 2020 (dead codes start again from encoded data). Entropy:
    `synthaug.models.codebook_losses`.
    """

    settings: VQAutoencoderSettings
    #: Without them all codes would start again, as codes that nothing is near.
    learned_buffers = ("network.quantizer.quantizer.ema_cluster_size", "network.quantizer.quantizer.ema_w")

    def __init__(
        self,
        settings: VQAutoencoderSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        levels = len(settings.channels)
        network = VQVAE(
            spatial_dims=3,
            in_channels=1,
            out_channels=1 + CLASSES,
            channels=settings.channels,
            num_res_layers=settings.blocks,
            num_res_channels=settings.channels,
            downsample_parameters=((2, 4, 1, 1),) * levels,
            upsample_parameters=((2, 4, 1, 1, 0),) * levels,
            num_embeddings=settings.codes,
            embedding_dim=settings.latent_channels,
        )
        network.quantizer.quantizer = Codebook(
            spatial_dims=3,
            num_embeddings=settings.codes,
            embedding_dim=settings.latent_channels,
            decay=settings.codebook_decay,
        )
        self.network = make_cyclic(set_network_strides(network, settings.level_strides))
        self.sharpening = SharpeningTerms(settings, settings.channels[0], needs.get("perceptual"))

    def encode_slices(self, slices: Tensor) -> tuple[Tensor, Tensor]:
        """Latents before quantisation; they are not drawn, so their variance is next to nothing."""
        encoded = self.network.encode(slices)
        return encoded, torch.full_like(encoded, _NO_SPREAD)

    def decode_slices(self, latents: Tensor) -> Tensor:
        """Images and mask logits of the nearest codes; see `SliceLatentsAutoencoder.decode_slices`."""
        codes, _ = self.network.quantize(latents)
        decoded: Tensor = self.network.decode(codes)
        return decoded

    def through(
        self, slices: Tensor, generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """The codes decoded, and the losses of commitment, entropy and length.

        The terms also say how the codebook is used: `perplexity`, the exponential of the entropy of the codes
        of this batch, and `usage`, the share of codes that the moving average still counts.
        """
        encoded = self.network.encode(slices)
        self._revive_codes(encoded.detach(), generator, iteration)
        codes, commitment = self.network.quantize(encoded)
        decoded = self.network.decode(codes)
        quantizer = self.network.quantizer
        usage = (quantizer.quantizer.ema_cluster_size > _DEAD).float().mean()
        weighted, terms = self._codebook_losses(encoded, generator)
        logged = {"commitment": commitment, "perplexity": quantizer.perplexity, "usage": usage}
        return decoded, sum(weighted, commitment), logged | terms

    def _codebook_losses(
        self, encoded: Tensor, generator: torch.Generator
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        """The weighted losses of length and entropy, as far as the settings ask for them, and their parts by name."""
        settings = self.settings
        weighted: list[Tensor] = []
        vectors = rearrange(encoded, "n c t y x -> (n t y x) c")
        terms: dict[str, Tensor] = {}
        if settings.codebook_norm_weight:
            terms["codebook_norm"] = length_loss(vectors)
            weighted.append(settings.codebook_norm_weight * terms["codebook_norm"])
        if settings.entropy_weight:
            drawn = draw_positions(vectors, generator)
            each, together = code_entropies(drawn, self.codebook, settings.entropy_temperature)
            terms |= {"entropy_each": each, "entropy_together": together}
            weighted.append(settings.entropy_weight * (each - together))
        return weighted, terms

    @property
    def codebook(self) -> Tensor:
        """The code vectors, (codes, c)."""
        vectors: Tensor = self.network.quantizer.quantizer.embedding.weight
        return vectors

    def nearest_codes(self, latents: Tensor) -> Tensor:
        """Indices of the code vectors nearest to latents (b, t, c, z, y, x): int64, (b, t, z, y, x)."""
        stack = rearrange(latents, "b t c z y x -> (b z) c t y x")
        codes = [self.network.quantizer.quantize(part) for part in stack.split(SLICES_AT_ONCE)]
        return rearrange(torch.cat(codes), "(b z) t y x -> b t z y x", b=len(latents))

    @torch.no_grad()
    def _revive_codes(self, encoded: Tensor, generator: torch.Generator, iteration: int) -> None:
        """Let codes that nothing is near start again at encoded data; the first batch starts them all.

        How many there are is read on the host, once in `_REVIVED_EVERY` iterations: as many draws are made.
        """
        if iteration % _REVIVED_EVERY or iteration > self.settings.training.iterations / 2:
            return
        quantizer = self.network.quantizer.quantizer
        dead = torch.nonzero(quantizer.ema_cluster_size < _DEAD)[:, 0]
        found = rearrange(encoded.float(), "n c t y x -> (n t y x) c")
        chosen = found[torch.randint(len(found), (len(dead),), generator=generator).to(found.device)]
        if torch.distributed.is_initialized():  # each process has drawn from data of its own
            torch.distributed.broadcast(chosen, src=0)
        quantizer.embedding.weight[dead] = chosen
        quantizer.ema_w[dead] = chosen
        quantizer.ema_cluster_size[dead] = 1.0
