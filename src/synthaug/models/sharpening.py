"""Late terms of an autoencoder's loss against blurred reconstructions: a perceptual distance and an adversary."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.func import functional_call

from synthaug.config.autoencoders import SharpeningSettings
from synthaug.core.errors import SynthaugError
from synthaug.models.base import TrainableModel
from synthaug.models.feature_distance import feature_distance


class Adversary(nn.Module):
    """A patch discriminator D of single frames, trained in the same step as the autoencoder.

    Data        x: real frames, y: their reconstructions,  (n, 1, y, x)
    Losses      autoencoder: (D(y) - 1)^2, no gradient to D;  D: ((D(x) - 1)^2 + D(y)^2) / 2, no gradient to y

    One backward pass serves both.

    Parameters
    ----------
    channels : int
        Features of its first layer.

    References
    ----------
    Isola et al., CVPR 2017 (patches); Mao et al., ICCV 2017 (least squares).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        # Imported here: they are 300 MiB and seconds, which a job without an adversary should not pay.
        from monai.losses.adversarial_loss import PatchAdversarialLoss
        from monai.networks.nets.patchgan_discriminator import PatchDiscriminator

        self.discriminator = PatchDiscriminator(2, channels, 1, num_layers_d=2, norm="INSTANCE")
        self.criterion = PatchAdversarialLoss(criterion="least_squares", no_activation_leastsq=True)

    def forward(self, real: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
        """Losses of who makes the images and of the discriminator, for frames (n, 1, y, x)."""
        fixed = {name: value.detach() for name, value in self.discriminator.named_parameters()}
        verdict = functional_call(self.discriminator, fixed, (made,))[-1]
        makers = self.criterion(verdict, target_is_real=True, for_discriminator=False)
        own = [
            self.criterion(
                self.discriminator(images.detach())[-1], target_is_real=is_real, for_discriminator=True
            )
            for images, is_real in ((real, True), (made, False))
        ]
        return makers, (own[0] + own[1]) / 2


class Perception(nn.Module):
    """Distance of deep features of frames, by a ResNet-50 whose weights the user supplies.

    Parameters
    ----------
    weights : path
        State dict of torchvision's ``resnet50``, trained on whatever the user trusts.

    Raises
    ------
    SynthaugError
        No such file, or not weights of a ResNet-50.
    """

    def __init__(self, weights: str | Path) -> None:
        super().__init__()
        from monai.losses.perceptual import PerceptualLoss

        if not Path(weights).is_file():
            raise SynthaugError(
                f"{weights}: no such file; perceptual_weights takes a state dict of torchvision's resnet50, or "
                "leave it out to train without a perceptual term"
            )
        try:
            self.distance = PerceptualLoss(
                spatial_dims=2, network_type="resnet50", pretrained=True, pretrained_path=str(weights)
            )
        except (RuntimeError, KeyError, AttributeError, EOFError) as error:
            reason = str(error).splitlines()[0]
            raise SynthaugError(f"{weights}: not a state dict of torchvision's resnet50 ({reason})") from None
        self.requires_grad_(False).eval()

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        """Mean distance of frames (n, 1, y, x)."""
        # Copies: MONAI normalises the colours in place.
        distance: Tensor = self.distance(made.repeat(1, 3, 1, 1), real.repeat(1, 3, 1, 1))
        return distance


class SharpeningTerms(nn.Module):
    """The late terms of any autoencoder whose settings are `SharpeningSettings`.

    Loss        r(i) (w_p d(y, x) + w_a (D(y) - 1)^2) + the discriminator's own loss

    r rises from 0 to 1 over a tenth of the training, see `ramp`; d: distance in the features of a trained masked
    autoencoder (`feature_distance`), or of a ResNet-50 the user supplies (`Perception`). D and the ResNet-50 see
    single frames. The masked autoencoder sees clips as it was trained on: an autoencoder of frames shows it each slice of a
    frame as one image, as the stacks of a batch differ in height; one of slices through the cycle, the whole cycle.

    Parameters
    ----------
    settings : SharpeningSettings
        Weights of the terms, and when they rise.
    channels : int
        Features of the discriminator's first layer.
    perceptual : TrainableModel, optional
        What the autoencoder needs in that role: a trained `MaskedAutoencoder`, frozen, on the autoencoder's device.

    Raises
    ------
    SynthaugError
        `perceptual` is of a class from outside without `block_features`.
    """

    def __init__(
        self, settings: SharpeningSettings, channels: int, perceptual: TrainableModel | None = None
    ) -> None:
        super().__init__()
        self.settings = settings
        self.adversary = Adversary(channels) if settings.adversarial_weight else None
        if perceptual is not None and not hasattr(perceptual, "block_features"):
            raise SynthaugError(
                f"needs.perceptual: {type(perceptual).__name__} has no method block_features; name a masked_autoencoder, "
                "or give the class that method"
            )
        # A function and a plain dict, so that these networks are neither trained nor saved. The user's is read when it is
        # first needed.
        network: Any = perceptual
        self._distance: Callable[[Tensor, Tensor, str], Tensor] | None = (
            None if network is None else partial(feature_distance, network)
        )
        self._perception: dict[torch.device, Perception] = {}

    @property
    def enabled(self) -> bool:
        """Whether the settings ask for any of the terms."""
        return self.adversary is not None or self._perceives

    def terms(
        self, made: Tensor, real: Tensor, axis: str, iteration: int
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Weighted terms, to be added to the loss in their order, and each term by its name; none before they rise.

        Parameters
        ----------
        made, real : Tensor, shape (n, s, y, x)
            Reconstructed and real clips.
        axis : str
            One of `synthaug.networks.masked_autoencoder.AXES`: what s is, ``"image"`` of single frames.
        iteration : int
            Of the training. No argument of a compiled call: each value would be compiled anew.
        """
        settings = self.settings
        late = ramp(iteration, settings.training.iterations, settings.late_from)
        terms: dict[str, Tensor] = {}
        weighted: list[Tensor] = []
        if late and self._perceives:
            terms["perceptual"] = self._perceive(made, real, axis)
            weighted.append(late * settings.perceptual_weight * terms["perceptual"])
        if late and self.adversary is not None:
            terms["adversarial"], terms["discriminator"] = self.adversary(_frames(real), _frames(made))
            weighted += [late * settings.adversarial_weight * terms["adversarial"], terms["discriminator"]]
        return weighted, terms

    @property
    def _perceives(self) -> bool:
        return self._distance is not None or self.settings.perceptual_weights is not None

    def _perceive(self, made: Tensor, real: Tensor, axis: str) -> Tensor:
        if self._distance is not None:
            return self._distance(made, real, axis)
        if real.device not in self._perception:
            perception = Perception(str(self.settings.perceptual_weights))
            self._perception[real.device] = perception.to(real.device)
        distance: Tensor = self._perception[real.device](_frames(made), _frames(real))
        return distance


def _frames(clips: Tensor) -> Tensor:
    """Single frames of clips."""
    return rearrange(clips, "n s y x -> (n s) 1 y x")


def ramp(iteration: int, iterations: int, start: float) -> float:
    """Weight of a late term: 0 up to the fraction `start` of a training, then rising to 1 over a tenth of it.

    Parameters
    ----------
    iteration, iterations : int
        Steps done, and in all.
    start : float
        Fraction of the training, in [0, 1].
    """
    return min(max((iteration / iterations - start) / 0.1, 0.0), 1.0)
