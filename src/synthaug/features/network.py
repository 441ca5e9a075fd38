"""A supplied network at work: batches of images or clips in, checked features out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from synthaug.core.errors import SynthaugError
from synthaug.features.base import Extractor
from synthaug.features.preprocessing import Preprocessing, spatial_clips, temporal_clips

_BATCH = 8  # images or clips in memory at once, at the network's own size


class NetworkExtractor(Extractor):
    """Any network that maps images or clips to one vector each; a kind says where it comes from.

    Parameters
    ----------
    network : callable
        (n, channels, y, x) or (n, channels, frames, y, x) to (n, d); on `device`.
    preprocessing : Preprocessing
        Input of the network: clips with `frames`, single images without.
    identity : str
        The extractor's `id`.
    source : Path
        File of the weights, for messages.
    device : device
        Where the network computes.
    """

    def __init__(
        self,
        network: Callable[[torch.Tensor], torch.Tensor],
        preprocessing: Preprocessing,
        identity: str,
        source: Path,
        device: torch.device,
    ) -> None:
        self.network, self.preprocessing = network, preprocessing
        self.id, self.source, self.device = identity, source, device

    def extract(self, cine: np.ndarray) -> dict[str, np.ndarray]:
        """Features of one cine (t, z, y, x): frames, or temporal and spatial clips.

        Raises
        ------
        SynthaugError
            The network fails on its input, or its output is not one finite vector an image or clip.
        """
        frames = self.preprocessing.frames
        if frames is None:
            return {"frames": self._features(cine.reshape(-1, *cine.shape[2:]))}
        return {
            "temporal": self._features(temporal_clips(cine, frames)),
            "spatial": self._features(spatial_clips(cine, frames)),
        }

    @torch.inference_mode()
    def _features(self, images: np.ndarray) -> np.ndarray:
        batches = torch.from_numpy(np.ascontiguousarray(images, np.float32)).split(_BATCH)
        made = [
            self._checked(self.preprocessing.prepare(part.to(self.device, non_blocking=True)))
            for part in batches
        ]
        # Read, and looked at, at once: a GPU goes on with the next images meanwhile.
        features: np.ndarray = torch.cat(made).cpu().numpy()
        if not np.isfinite(features).all():
            raise SynthaugError(
                f"{self.source}: the network makes features that are not finite; check its mean and deviation"
            )
        return features

    def _checked(self, batch: torch.Tensor) -> torch.Tensor:
        given = tuple(batch.shape)
        try:
            features = self.network(batch)
        except torch.OutOfMemoryError:
            raise  # the input was right; the machine is too small
        except RuntimeError as error:
            lines = str(error).strip().splitlines()
            # TorchScript puts the cause under a traceback of its own, others put it first.
            reason = lines[-1 if "Traceback" in str(error) else 0] if lines else type(error).__name__
            raise SynthaugError(
                f"{self.source}: the network fails on an input of shape {given} ({reason}); "
                "check what the extractor's settings say of its input"
            ) from None
        shape = tuple(features.shape) if isinstance(features, torch.Tensor) else type(features).__name__
        if not isinstance(features, torch.Tensor) or features.ndim != 2 or len(features) != len(batch):
            raise SynthaugError(
                f"{self.source}: from an input of shape {given} the network makes {shape}, not "
                f"({len(batch)}, d); save one that returns a vector for each image or clip"
            )
        return features.float()
