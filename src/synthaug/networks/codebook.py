"""Codebook of a vector-quantised autoencoder, searched in blocks so that memory does not grow with positions times codes."""

from __future__ import annotations

import torch
from monai.networks.layers.vector_quantizer import EMAQuantizer
from torch import Tensor
from torch.nn import functional

_DISTANCES_AT_ONCE = 2**26  # of positions to codes: 256 MiB in float32


class Codebook(EMAQuantizer):
    """MONAI's moving-average codebook without its matrices of all positions by all codes.

    MONAI keeps the distances and a one-hot matrix of that size: 18 GiB each for a batch of cines of
    32 x 12 x 192 x 192 and 16,384 codes. Here the nearest codes are found block by block, and what the moving
    averages need is summed by index. The result is the same up to rounding.

    References
    ----------
    van den Oord et al., Neural discrete representation learning, NeurIPS 2017, appendix A.1 (moving averages).
    """

    @torch.no_grad()
    def nearest(self, vectors: Tensor) -> Tensor:
        """Index of the code nearest to each of the vectors (n, c): int64, (n,); of equally near ones the first."""
        codes = self.embedding.weight
        lengths = codes.square().sum(1)
        block = max(1, _DISTANCES_AT_ONCE // self.num_embeddings)
        # The length of the vector itself is the same for all codes.
        return torch.cat(
            [torch.addmm(lengths, part, codes.t(), alpha=-2).argmin(1) for part in vectors.split(block)]
        )

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Nearest codes with the gradient of the inputs, commitment loss and indices, (b, *space), of (b, c, *space)."""
        with torch.autocast(inputs.device.type, enabled=False):
            inputs = inputs.float()
            vectors = inputs.movedim(1, -1).flatten(0, -2)
            indices = self.nearest(vectors.detach())
            placed = indices.view(inputs.shape[0], *inputs.shape[2:])
            quantised = self.embed(placed)
            if self.training:
                self._move_averages(vectors.detach(), indices)
            loss = self.commitment_cost * functional.mse_loss(quantised, inputs)
            return inputs + (quantised - inputs).detach(), loss, placed

    @torch.no_grad()
    def _move_averages(self, vectors: Tensor, indices: Tensor) -> None:
        """Move the codes towards the vectors nearest to them."""
        sizes = torch.zeros_like(self.ema_cluster_size).index_add_(0, indices, torch.ones_like(vectors[:, 0]))
        sums = torch.zeros_like(self.ema_w).index_add_(0, indices, vectors)
        self.distributed_synchronization(sizes, sums)
        self.ema_cluster_size.mul_(self.decay).add_(sizes, alpha=1 - self.decay)
        self.ema_w.mul_(self.decay).add_(sums, alpha=1 - self.decay)
        total = self.ema_cluster_size.sum()
        # Laplace smoothing: a code that nothing is near does not divide by 0.
        smoothed = (
            (self.ema_cluster_size + self.epsilon) / (total + self.num_embeddings * self.epsilon) * total
        )
        self.embedding.weight.copy_(self.ema_w / smoothed[:, None])
