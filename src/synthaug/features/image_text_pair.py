"""CLIP and similar networks: encoders of images and of sentences with a common feature space."""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from synthaug.features.described import sentence_of
from synthaug.features.network import NetworkExtractor
from synthaug.features.preprocessing import Preprocessing
from synthaug.features.weights import check_weights
from synthaug.models.clip_folder import HOW_TO_GET, files_hash, intensities, load_pair, pooled

#: Diagnoses as a caption spells them.
SPELLED = {
    "NOR": "a normal heart",
    "DCM": "dilated cardiomyopathy",
    "HCM": "hypertrophic cardiomyopathy",
    "MINF": "myocardial infarction",
    "RV": "an abnormal right ventricle",
}


class ImageTextExtractor(NetworkExtractor):
    """Features of every image, and of the sentence that says what the subject shows.

    Parameters
    ----------
    weights : str, Path or None
        Weights in a folder as ``transformers`` (``model.safetensors``) or ``open_clip`` saved it.
    sha256 : str or None
        What the file's hash must be.
    prompt : str
        Sentence with columns of a cohort's table in braces.

    Raises
    ------
    synthaug.features.ExtractorAbsent
        The file is not configured or not there.
    SynthaugError
        The file has another hash, or the folder holds no such model.

    References
    ----------
    Radford et al., ICML 2021. Wu et al. (CLIPSIM), GODIVA, arXiv 2104.14806, 2021.
    """

    def __init__(self, weights: str | Path | None, sha256: str | None, prompt: str) -> None:
        file, found = check_weights("image-text", weights, sha256, HOW_TO_GET)
        self.prompt = prompt
        self.columns = [name for _, name, _, _ in string.Formatter().parse(prompt) if name is not None]
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model, self.tokenizer = load_pair(file)
        self.model.to(device).eval()
        size = self.model.config.vision_config.image_size
        # Whole images, not the centre crop of photographs: a heart may fill its image.
        preprocessing = Preprocessing((size, size), 3, *intensities(file.parent), antialias=True)
        identity = f"image_text-{found[:12]}-{files_hash(file.parent)[:8]}-{preprocessing}-{prompt}"
        super().__init__(self._image_features, preprocessing, identity, file, device)

    @classmethod
    def build(cls, settings: Any, weights: Path | None) -> ImageTextExtractor:
        """Read the model that the settings name."""
        return cls(settings.weights, settings.sha256, settings.prompt)

    def describe(self, subject: Mapping[str, Any]) -> np.ndarray | None:
        """Feature (d,) of the subject's sentence; None where its table lacks a column of it."""
        if "sentence" in self.columns:
            subject = {**subject, "sentence": sentence_of(subject)}
        if any(pd.isna(subject.get(column)) for column in self.columns):
            return None
        return self.text_feature(self.prompt.format(**{c: _spelled(subject[c]) for c in self.columns}))

    @torch.inference_mode()
    def text_feature(self, sentence: str) -> np.ndarray:
        """Feature (d,) of a sentence."""
        tokens = self.tokenizer(sentence, return_tensors="pt", truncation=True).to(self.device)
        feature: np.ndarray = pooled(self.model.get_text_features(**tokens))[0].float().cpu().numpy()
        return feature

    def _image_features(self, batch: torch.Tensor) -> torch.Tensor:
        return pooled(self.model.get_image_features(pixel_values=batch))


def _spelled(value: Any) -> str:
    return SPELLED.get(value, f"{value:.3g}" if isinstance(value, float) else str(value))
