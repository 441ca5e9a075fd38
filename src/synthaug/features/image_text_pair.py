"""CLIP and similar networks: encoders of images and of sentences with a common feature space."""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from synthaug.core.artifacts import read_json
from synthaug.core.errors import SynthaugError
from synthaug.features.network import NetworkExtractor
from synthaug.features.preprocessing import Preprocessing
from synthaug.features.weights import check_weights

_HOW_TO_GET = (
    "put a CLIP model as transformers saves it (config.json, model.safetensors, the tokenizer's files) into a folder, "
    "and set `weights` to its model.safetensors and `sha256`"
)
#: How the networks saw images in training, where no preprocessor_config.json says so (Radford et al., 2021).
_MEAN, _DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
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
        ``model.safetensors`` of a model with ``get_image_features`` and ``get_text_features``, in the
        folder that ``transformers`` saved it to.
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
        file, found = check_weights("image-text", weights, sha256, _HOW_TO_GET)
        self.prompt = prompt
        self.columns = [name for _, name, _, _ in string.Formatter().parse(prompt) if name is not None]
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model, self.tokenizer = _load(file)
        self.model.to(device).eval()
        preprocessing = _preprocessing(file.parent, self.model.config.vision_config.image_size)
        identity = f"image_text-{found[:12]}-{preprocessing}-{prompt}"
        super().__init__(self._image_features, preprocessing, identity, file, device)

    @classmethod
    def build(cls, settings: Any, weights: Path | None) -> ImageTextExtractor:
        """Read the model that the settings name."""
        return cls(settings.weights, settings.sha256, settings.prompt)

    def describe(self, subject: Mapping[str, Any]) -> np.ndarray | None:
        """Feature (d,) of the subject's sentence; None where its table lacks a column of it."""
        if any(pd.isna(subject.get(column)) for column in self.columns):
            return None
        return self.text_feature(self.prompt.format(**{c: _spelled(subject[c]) for c in self.columns}))

    @torch.inference_mode()
    def text_feature(self, sentence: str) -> np.ndarray:
        """Feature (d,) of a sentence."""
        tokens = self.tokenizer(sentence, return_tensors="pt", truncation=True).to(self.device)
        feature: np.ndarray = _pooled(self.model.get_text_features(**tokens))[0].float().cpu().numpy()
        return feature

    def _image_features(self, batch: torch.Tensor) -> torch.Tensor:
        return _pooled(self.model.get_image_features(pixel_values=batch))


def _load(file: Path) -> tuple[Any, Any]:
    # The folder is the only source: nothing is downloaded, and no code of the folder is run.
    from safetensors import SafetensorError
    from transformers import AutoModel, AutoTokenizer

    if file.name != "model.safetensors":
        raise SynthaugError(f"{file}: must be called model.safetensors; {_HOW_TO_GET}")
    try:
        model, loaded = AutoModel.from_pretrained(
            file.parent, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
        # Without a limit in its files, a tokenizer would let a sentence be longer than the network reads.
        longest = getattr(getattr(model.config, "text_config", None), "max_position_embeddings", 77)
        tokenizer = AutoTokenizer.from_pretrained(
            file.parent, local_files_only=True, model_max_length=longest
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise SynthaugError(f"{file.parent}: holds no readable model ({reason}); {_HOW_TO_GET}") from None
    if not (hasattr(model, "get_image_features") and hasattr(model, "get_text_features")):
        raise SynthaugError(
            f"{file.parent}: {type(model).__name__} does not describe both images and text; {_HOW_TO_GET}"
        )
    if loaded["missing_keys"]:  # they would be random numbers
        raise SynthaugError(
            f"{file}: lacks {sorted(loaded['missing_keys'])[0]} of {type(model).__name__}; {_HOW_TO_GET}"
        )
    return model, tokenizer


def _preprocessing(folder: Path, size: int) -> Preprocessing:
    path = folder / "preprocessor_config.json"
    content = read_json(path) if path.is_file() else {}
    mean, deviation = (
        tuple(content.get(key, default))
        for key, default in (("image_mean", _MEAN), ("image_std", _DEVIATION))
    )
    # Whole images, not the centre crop of photographs: a heart may fill its image.
    return Preprocessing((size, size), 3, mean, deviation, antialias=True)


def _pooled(output: Any) -> torch.Tensor:
    features: torch.Tensor = output if isinstance(output, torch.Tensor) else output.pooler_output
    return features


def _spelled(value: Any) -> str:
    return SPELLED.get(value, f"{value:.0f}" if isinstance(value, float) else str(value))
