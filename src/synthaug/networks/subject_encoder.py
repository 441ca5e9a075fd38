"""One vector a subject: a masked autoencoder's encoder on clips of single slices, pooled over the stack."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn

from synthaug.networks.masked_autoencoder import AXES, MaskedAutoencoderNetwork

#: Part of the mean deviation that is added to each: values that hardly vary between subjects are not blown up.
_LEAST_DEVIATION = 0.1


class SubjectEncoder(nn.Module):
    """Encoder, mean over patches and slices, standardisation, and a linear head.

    The mean over slices does not know how tall the stack is, on which volumes depend. The vector therefore has the mean
    twice, once times the relative height of the stack.

    Hearts are much alike beside what all cines share, so that a head on the mean tokens learns slowly. The vector is
    standardised by training subjects as the initial encoder describes them (`standardise_by`).

    Parameters
    ----------
    encoder : MaskedAutoencoderNetwork
        Its decoder is kept but not trained.
    outputs : int
        Numbers predicted; the head starts at 0.

    References
    ----------
    He et al., CVPR 2022, appendix A: normalisation without learned scale before the linear classifier.
    """

    centre: Tensor
    deviation: Tensor

    def __init__(self, encoder: MaskedAutoencoderNetwork, outputs: int) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(True)
        unused = (encoder.to_decoder, encoder.decoder, encoder.predict, encoder.in_order, encoder.hidden)
        for part in unused:
            part.requires_grad_(False)
        self.register_buffer("centre", torch.zeros(2 * encoder.width))
        self.register_buffer("deviation", torch.ones(2 * encoder.width))
        self.head = nn.Linear(2 * encoder.width, outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    @torch.no_grad()
    def standardise_by(self, vectors: Tensor) -> None:
        """Standardise by subjects' vectors (n, 2 width), as `describe` gave them before any standardisation.

        A vector of which nothing varies, as of a single subject, is centred alone.
        """
        deviation = vectors.std(dim=0, correction=0)
        deviation = deviation + _LEAST_DEVIATION * deviation.mean()
        self.centre.copy_(vectors.mean(dim=0))
        self.deviation.copy_(deviation.where(deviation > 0, torch.ones_like(deviation)))

    def describe(self, clips: Tensor, heights: Tensor) -> Tensor:
        """Standardised vector of each subject, (b, 2 width).

        Parameters
        ----------
        clips : Tensor, shape (b, z, t, y, x)
            Intensities in [0, 1].
        heights : Tensor, shape (b,)
            Height of the stack, relative to the mean of the training patients.
        """
        b = len(clips)
        axis = torch.full((b * clips.shape[1],), AXES.index("temporal"), device=clips.device)
        tokens = self.encoder.encode(rearrange(clips, "b z t y x -> (b z) t y x"), axis)
        mean = rearrange(tokens.mean(dim=1), "(b z) c -> b z c", b=b).mean(dim=1)
        vectors = torch.cat([mean, mean * heights[:, None]], dim=1)
        return (vectors - self.centre) / self.deviation

    def forward(self, clips: Tensor, heights: Tensor) -> Tensor:
        """Outputs of the head, (b, outputs); arguments as of `describe`."""
        outputs: Tensor = self.head(self.describe(clips, heights))
        return outputs
