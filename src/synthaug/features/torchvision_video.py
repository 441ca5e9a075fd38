"""Video networks of torchvision: the layer before the classifier, with weights the user supplies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from synthaug.core.errors import SynthaugError
from synthaug.features.network import NetworkExtractor
from synthaug.features.preprocessing import Preprocessing
from synthaug.features.weights import check_weights, load_state

#: What torchvision calls the classifier: ResNets (r3d_18, mc3_18, r2plus1d_18) ``fc``, transformers
#: (mvit_v2_s, swin3d_t and their sizes) ``head``, s3d ``classifier``. No network has two of them.
_CLASSIFIERS = ("fc", "head", "classifier")


class TorchvisionExtractor(NetworkExtractor):
    """Extractor from a network of torchvision and a state dict of it, for any number of classes."""

    @classmethod
    def build(cls, settings: Any, weights: Path | None) -> TorchvisionExtractor:
        """Read the state dict that the settings name; size, mean and deviation are torchvision's own by default.

        Raises
        ------
        ExtractorAbsent
            The file is not configured or not there.
        SynthaugError
            torchvision has no such video network; the file has another hash, or does not fit the network.
        """
        from torchvision.models import get_model, get_model_weights, list_models, video

        name, known = settings.network, list_models(module=video)
        if name not in known:
            raise SynthaugError(
                f"torchvision extractor: there is no video network {name!r}; set `network` to one of "
                + ", ".join(known)
            )
        how_to_get = (
            f"save the state dict of torchvision's {name} and set `weights` and `sha256` of the extractor"
        )
        file, found = check_weights(f"torchvision {name}", settings.weights, settings.sha256, how_to_get)
        network = get_model(name, weights=None)
        classifier = find_classifier(network, name)
        setattr(network, classifier, nn.Identity())
        load_state(network, file, f"torchvision's {name}", classifier, how_to_get)
        published = get_model_weights(name).DEFAULT.transforms()  # describes them; downloads nothing
        preprocessing = Preprocessing(
            tuple(settings.size or published.crop_size),
            3,
            tuple(settings.mean or published.mean),
            tuple(settings.deviation or published.std),
            settings.frames,
            settings.resize_antialias,
        )
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        identity = f"{name}-{found[:12]}-{preprocessing}-penultimate"
        return cls(network.to(device).eval(), preprocessing, identity, file, device)


def find_classifier(network: nn.Module, name: str) -> str:
    """The attribute that holds the last layer, by torchvision's own names.

    Raises
    ------
    SynthaugError
        It has none that is known.
    """
    found = [
        attribute for attribute in _CLASSIFIERS if isinstance(getattr(network, attribute, None), nn.Module)
    ]
    if len(found) != 1:
        raise SynthaugError(
            f"torchvision extractor: the classifier of {name} is not known; save the network without it as "
            "TorchScript and use kind: torchscript"
        )
    return found[0]
