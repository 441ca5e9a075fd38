"""Networks saved as TorchScript: any image or video network, and the I3D of FVD.

A TorchScript file is a program, and reading it executes code from it. So none is read before its
hash was found to be the one the study names.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from synthaug.core.errors import SynthaugError
from synthaug.features.network import NetworkExtractor
from synthaug.features.preprocessing import Preprocessing
from synthaug.features.weights import check_weights

_HOW_TO_GET = "save a network with torch.jit.save and set `weights` and `sha256` of the extractor"
_HOW_TO_GET_I3D = (
    "download i3d_torchscript.pt, which src/metrics/frechet_video_distance.py of universome/stylegan-v names, "
    "and set `weights` and `sha256` of the extractor"
)
_I3D_SIZE = (224, 224)


class TorchScriptExtractor(NetworkExtractor):
    """Extractor from a TorchScript file, whose ``forward`` takes one batch and returns (n, d)."""

    @classmethod
    def build(cls, settings: Any, weights: Path | None) -> TorchScriptExtractor:
        """Read the file that the settings name, and prepare images as they say."""
        file, found = check_weights("TorchScript", settings.weights, settings.sha256, _HOW_TO_GET)
        preprocessing = Preprocessing(
            settings.size,
            settings.channels,
            settings.mean,
            settings.deviation,
            settings.frames,
            settings.resize_antialias,
        )
        device = _device()
        network = _load(file, device, _HOW_TO_GET)
        name = re.sub(r"[^A-Za-z0-9._]+", "_", file.stem)
        return cls(network, preprocessing, f"{name}-{found[:12]}-{preprocessing}", file, device)


class I3DExtractor(NetworkExtractor):
    """The 400 logits of I3D (Kinetics-400), as StyleGAN-V publishes it and FVD is usually measured.

    Images are resized to 224 x 224 pixels (bilinear, no crop), grey in three channels, in [-1, 1]; the
    network's own rescaling and resizing are switched off, so that both are as for every extractor here.

    References
    ----------
    Carreira and Zisserman, CVPR 2017. Unterthiner et al., arXiv 1812.01717, 2018. Skorokhodov et al.
    (StyleGAN-V), CVPR 2022.
    """

    @classmethod
    def build(cls, settings: Any, weights: Path | None) -> I3DExtractor:
        """Read the file that the settings name."""
        file, found = check_weights("I3D", settings.weights, settings.sha256, _HOW_TO_GET_I3D)
        preprocessing = Preprocessing(_I3D_SIZE, 3, (0.5,), (0.5,), settings.frames)
        device = _device()
        network = _load(file, device, _HOW_TO_GET_I3D, rescale=False, resize=False, return_features=True)
        # Unlike the identity of the same file as plain TorchScript, whose output are not the logits.
        return cls(network, preprocessing, f"i3d-{found[:12]}-{preprocessing}-logits", file, device)


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _load(
    file: Path, device: torch.device, how_to_get: str, **arguments: Any
) -> Callable[[torch.Tensor], torch.Tensor]:
    try:
        with warnings.catch_warnings():
            # Deprecated in favour of torch.export, but it is how networks such as I3D are published.
            warnings.simplefilter("ignore", FutureWarning)
            module = torch.jit.load(str(file), map_location=device).eval()
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise SynthaugError(f"{file}: is not a TorchScript file ({reason}); {how_to_get}") from None

    def network(batch: torch.Tensor) -> torch.Tensor:
        # Optimised, the first calls compute otherwise than later ones: a cine's features would depend
        # on which cines came before it.
        with torch.jit.optimized_execution(False):
            features: torch.Tensor = module(batch, **arguments)
        return features

    return network
