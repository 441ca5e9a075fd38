"""Features of images and sentences by the text encoder that the study trains itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from synthaug.core.errors import SynthaugError
from synthaug.features.base import Extractor, ExtractorAbsent
from synthaug.features.described import sentence_of
from synthaug.models.contrastive_text import ContrastiveText
from synthaug.models.weights import load_model


class StudyTextExtractor(Extractor):
    """A trained text encoder with its image encoder as an extractor: CLIPSIM without supplied weights.

    Parameters
    ----------
    weights : Path or None
        ``model.safetensors`` of kind ``text_encoder``.

    Raises
    ------
    ExtractorAbsent
        No weights were given.
    SynthaugError
        The weights are of another kind of model.
    """

    def __init__(self, weights: Path | None) -> None:
        if weights is None:
            raise ExtractorAbsent(
                "the study's own text encoder was not trained; name its model in evaluation.extractors"
            )
        model = load_model(weights, device="cuda" if torch.cuda.is_available() else "cpu")
        if not isinstance(model, ContrastiveText):
            raise SynthaugError(
                f"{weights}: is no text encoder that the study trained; name one of kind text_encoder in evaluation.extractors"
            )
        self.model = model
        self.id = f"text_encoder-{model.identity[:12]}"
        self.seen = tuple(model.seen)

    @classmethod
    def build(cls, settings: Any, weights: Path | None) -> StudyTextExtractor:
        """Load the model that the study trained."""
        return cls(weights)

    def extract(self, cine: np.ndarray) -> dict[str, np.ndarray]:
        """Unit vectors ``"frames"`` (t * z, d) of every image of a cine (t, z, y, x), each seen within its stack."""
        features = self.model.image_features(torch.from_numpy(np.ascontiguousarray(cine, np.float32)))
        return {"frames": features.cpu().numpy()}

    @torch.inference_mode()
    def describe(self, subject: Mapping[str, Any]) -> np.ndarray | None:
        """Unit vector (d,) of the subject's sentence; None where nothing is known of it."""
        sentence = sentence_of(subject)
        return None if sentence is None else self.model.embed([sentence])[0].cpu().numpy()
