"""Distance of two images in the features of a masked autoencoder that the study trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:  # an edit of that model reruns the trainings of those autoencoders alone that name one
    from synthaug.models.masked_autoencoder import MaskedAutoencoder


def feature_distance(network: MaskedAutoencoder, made: Tensor, real: Tensor, axis: str) -> Tensor:
    """Distance of clips by what a frozen encoder computes of them, nothing hidden.

    d = mean over blocks l and patches i of |y_li / |y_li| - x_li / |x_li||^2, with the channels of patch i after block l

    This is equation 1 of Zhang et al. with equal weights for all channels, and blocks averaged in place of summed: twice
    one minus the cosine, in [0, 4], whatever the depth. The place of a patch is part of its features, so that noise in
    a patch without contrast does not decide on their direction.

    Parameters
    ----------
    network : MaskedAutoencoder
        Frozen, in evaluation mode.
    made, real : Tensor, shape (b, s, y, x)
        Made and real clips, in [0, 1]. There is no gradient to `real`.
    axis : str
        One of `synthaug.networks.masked_autoencoder.AXES`: what s is.

    Returns
    -------
    Tensor, shape ()
        0 for equal clips.

    References
    ----------
    Zhang et al., The unreasonable effectiveness of deep features as a perceptual metric, CVPR 2018.
    """
    with torch.no_grad():
        wanted = _directions(network, real, axis)
    found = _directions(network, made, axis)
    errors = [(own - other).square().sum(dim=-1).mean() for own, other in zip(found, wanted, strict=True)]
    return torch.stack(errors).mean()


def _directions(network: MaskedAutoencoder, clips: Tensor, axis: str) -> list[Tensor]:
    # In float32 under autocast, too: the contrast of a patch is a difference of near numbers.
    return [
        functional.normalize(tokens.float(), dim=-1) for tokens in network.block_features(clips.float(), axis)
    ]
