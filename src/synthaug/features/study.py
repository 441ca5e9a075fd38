"""Features of the masked autoencoder that the study trains itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from synthaug.core.errors import SynthaugError
from synthaug.features.base import Extractor, ExtractorAbsent
from synthaug.models.masked_autoencoder import MaskedAutoencoder
from synthaug.models.weights import load_model

_BATCH = 32  # clips in memory at once


class StudyExtractor(Extractor):
    """A trained masked autoencoder as an extractor.

    Parameters
    ----------
    weights : Path or None
        ``model.safetensors`` of kind ``masked_autoencoder``.

    Raises
    ------
    ExtractorAbsent
        No weights were given.
    SynthaugError
        The weights are of another kind of model.
    """

    whiten = True

    def __init__(self, weights: Path | None) -> None:
        if weights is None:
            raise ExtractorAbsent(
                "the study's own extractor was not trained; name its model in evaluation.extractors"
            )
        device = "cuda" if torch.cuda.is_available() else "cpu"
        model = load_model(weights, device=device)
        if not isinstance(model, MaskedAutoencoder):
            raise SynthaugError(f"{weights}: is not a masked autoencoder; name one in evaluation.extractors")
        self.model = model
        self.id = f"masked_autoencoder-{model.identity[:12]}-whitened"
        self.seen = tuple(model.seen)

    @classmethod
    def build(cls, settings: Any, weights: Path | None) -> StudyExtractor:
        """Load the model that the study trained."""
        return cls(weights)

    def extract(self, cine: np.ndarray) -> dict[str, np.ndarray]:
        """Features of one cine (t, z, y, x): frames, temporal and spatial clips."""
        frames = torch.from_numpy(np.ascontiguousarray(cine, np.float32))
        return {
            "frames": self._features(frames.flatten(0, 1)[:, None], "image"),
            "temporal": self._features(frames.transpose(0, 1), "temporal"),
            "spatial": self._features(frames, "spatial"),
        }

    def spatial(self, cine: np.ndarray) -> np.ndarray:
        """Only the features (t, d) of each frame through the slices, at a third of the time."""
        return self._features(torch.from_numpy(np.ascontiguousarray(cine, np.float32)), "spatial")

    def _features(self, clips: torch.Tensor, axis: str) -> np.ndarray:
        # Read at once: a GPU goes on with the next clips meanwhile.
        return torch.cat([self.model.features(part, axis) for part in clips.split(_BATCH)]).cpu().numpy()
