"""Perceptrons of a variational autoencoder of phenotypes."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class Perceptron(nn.Sequential):
    """Linear layers with batch normalisation and leaky ReLU, and a last linear layer.

    Parameters
    ----------
    inputs, outputs : int
        Lengths of the first and the last vector.
    widths : sequence of int
        Features of the hidden layers.
    """

    def __init__(self, inputs: int, widths: Sequence[int], outputs: int) -> None:
        layers: list[nn.Module] = []
        for width in widths:
            layers += [nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.LeakyReLU()]
            inputs = width
        super().__init__(*layers, nn.Linear(inputs, outputs))


class PhenotypeAutoencoder(nn.Module):
    """Encoder to mean and log-variance of a latent vector, and decoder.

    Parameters
    ----------
    inputs : int
        Length of what is encoded.
    context : int
        Length of what encoder and decoder are told besides; may be 0.
    outputs : int
        Length of what is decoded.
    widths : sequence of int
        Features of the encoder's hidden layers; the decoder has them in reverse.
    latent_size : int
        Length of the latent vector.
    """

    def __init__(
        self, inputs: int, context: int, outputs: int, widths: Sequence[int], latent_size: int
    ) -> None:
        super().__init__()
        self.encoder = Perceptron(inputs + context, widths, 2 * latent_size)
        self.decoder = Perceptron(latent_size + context, widths[::-1], outputs)

    def encode(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (b, latent) of vectors (b, inputs + context)."""
        mean, log_variance = self.encoder(values).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-10, 10)

    def decode(self, latent: Tensor) -> Tensor:
        """Vectors (b, outputs) of latent vectors (b, latent + context)."""
        decoded: Tensor = self.decoder(latent)
        return decoded.float()
