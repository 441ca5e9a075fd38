"""Pool-3 features of the 2015 Inception network of the original FID, from weights the user supplies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from synthaug.features.base import Extractor
from synthaug.features.weights import check_weights, load_state

_BATCH = 16
_SIZE = 299
_HOW_TO_GET = (
    "download pt_inception-2015-12-05-6726825d.pth from the releases of mseitzer/pytorch-fid (fid_weights) and set "
    "`weights` and `sha256` of the extractor"
)


class InceptionExtractor(Extractor):
    """The network of pytorch-fid, without its download.

    Parameters
    ----------
    weights : str, Path or None
        State dict of ``pytorch_fid.inception.fid_inception_v3``.
    sha256 : str or None
        What the file's hash must be.

    Raises
    ------
    ExtractorAbsent
        The file is not configured or not there.
    SynthaugError
        The file has another hash, or does not fit the network.

    References
    ----------
    Heusel et al., NeurIPS 2017. Seitzer, pytorch-fid 0.3.0.
    """

    def __init__(self, weights: str | Path | None, sha256: str | None) -> None:
        file, found = check_weights("Inception", weights, sha256, _HOW_TO_GET)
        self.network = build_network()
        load_state(self.network, file, "the Inception network", "fc", _HOW_TO_GET)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network.to(self.device).eval()
        self.id = f"inception2015-pool3-{found[:12]}-bilinear299"

    @classmethod
    def build(cls, settings: Any, weights: Path | None) -> InceptionExtractor:
        """Read the weights that the settings name."""
        return cls(settings.weights, settings.sha256)

    @torch.inference_mode()
    def extract(self, cine: np.ndarray) -> dict[str, np.ndarray]:
        """Features of every image of a cine (t, z, y, x): ``{"frames": (t * z, 2048)}``."""
        images = torch.from_numpy(np.ascontiguousarray(cine, np.float32)).flatten(0, 1)[:, None]
        features = []
        for part in images.split(_BATCH):
            # As pytorch-fid does it: bilinear without antialiasing, then [-1, 1], grey in all three channels.
            part = functional.interpolate(
                part.to(self.device), (_SIZE, _SIZE), mode="bilinear", align_corners=False
            )
            features.append(self.network((2 * part - 1).expand(-1, 3, -1, -1)).cpu())
        return {"frames": torch.cat(features).numpy()}


def build_network() -> nn.Module:
    """The FID Inception network with random weights; its output is the 2048-dimensional pool 3."""
    import torchvision
    from pytorch_fid import inception

    network = torchvision.models.inception_v3(
        num_classes=1008, aux_logits=False, weights=None, init_weights=False, transform_input=False
    )
    network.Mixed_5b = inception.FIDInceptionA(192, pool_features=32)
    network.Mixed_5c = inception.FIDInceptionA(256, pool_features=64)
    network.Mixed_5d = inception.FIDInceptionA(288, pool_features=64)
    network.Mixed_6b = inception.FIDInceptionC(768, channels_7x7=128)
    network.Mixed_6c = inception.FIDInceptionC(768, channels_7x7=160)
    network.Mixed_6d = inception.FIDInceptionC(768, channels_7x7=160)
    network.Mixed_6e = inception.FIDInceptionC(768, channels_7x7=192)
    network.Mixed_7b = inception.FIDInceptionE_1(1280)
    network.Mixed_7c = inception.FIDInceptionE_2(2048)
    network.fc = nn.Identity()
    return network
