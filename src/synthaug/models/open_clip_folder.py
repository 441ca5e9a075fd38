"""Models in a local folder as `open_clip` saves them, BiomedCLIP among them, behind the methods of a CLIP of `transformers`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from synthaug.core.artifacts import read_json
from synthaug.core.errors import SynthaugError
from synthaug.core.leftovers import temporary_folder

CONFIGURATION = "open_clip_config.json"
HOW_TO_GET = (
    "put all files of an open_clip model whose text encoder is one of transformers (open_clip_config.json, the weights, the "
    "tokenizer's files) into a folder"
)
#: Where the text encoder's weights begin in the file.
_TEXT = "text.transformer."


class OpenClip(nn.Module):
    """A pair of `open_clip` with the methods and sizes that its users here ask of a CLIP of `transformers`.

    Attributes
    ----------
    text_model : nn.Module
        Reads numbers of pieces; filled places are masked, because its attention looks both ways.
    config : namespace
        ``text_config.hidden_size``, ``text_config.max_position_embeddings``, ``vision_config.image_size``.
    fill : int
        Number that fills up shorter sentences.
    """

    pair: Any

    def __init__(self, pair: Any, longest: int, image_size: int) -> None:
        super().__init__()
        self.pair = pair
        reader = pair.text.transformer
        self.fill = int(reader.config.pad_token_id)
        self.text_model = _Reader(reader, self.fill)
        self.config = SimpleNamespace(
            text_config=SimpleNamespace(
                hidden_size=int(reader.config.hidden_size), max_position_embeddings=longest
            ),
            vision_config=SimpleNamespace(image_size=image_size),
        )

    @property
    def logit_scale(self) -> Tensor:
        """Logarithm of the inverse temperature."""
        scale: Tensor = self.pair.logit_scale
        return scale

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return self.logit_scale.device

    def get_text_features(self, input_ids: Tensor, **_: Any) -> Tensor:
        """Vectors (b, d) of sentences (b, n) of pieces, marks included."""
        found: Tensor = self.pair.encode_text(input_ids)
        return found

    def get_image_features(self, pixel_values: Tensor) -> Tensor:
        """Vectors (b, d) of images (b, 3, y, x)."""
        found: Tensor = self.pair.encode_image(pixel_values)
        return found


class _Reader(nn.Module):
    def __init__(self, reader: Any, fill: int) -> None:
        super().__init__()
        # In a tuple: its parameters are those of the pair already.
        self._reader, self._fill = (reader,), fill

    def get_input_embeddings(self) -> nn.Module:
        found: nn.Module = self._reader[0].get_input_embeddings()
        return found

    def forward(self, input_ids: Tensor) -> Any:
        return self._reader[0](input_ids=input_ids, attention_mask=(input_ids != self._fill).long())


def load_open_clip(file: Path) -> tuple[OpenClip, Any]:
    """The model of a folder and its tokenizer.

    Parameters
    ----------
    file : Path
        Its weights, whose hash was checked: ``.safetensors``, or ``.bin``, of which nothing but tensors is read.

    Raises
    ------
    SynthaugError
        The folder holds no such model, or weights do not fit its configuration.
    """
    from open_clip.model import CustomTextCLIP
    from transformers import AutoTokenizer

    folder = file.parent
    content = read_json(folder / CONFIGURATION)
    try:
        settings, name = content["model_cfg"], content["model_cfg"]["text_cfg"]["hf_model_name"]
    except (KeyError, TypeError):
        raise SynthaugError(
            f"{folder / CONFIGURATION}: names no text encoder of transformers (model_cfg.text_cfg.hf_model_name); save the model "
            f"with transformers, or {HOW_TO_GET}"
        ) from None
    state = _weights(file)
    with temporary_folder("open-clip") as temporary:
        text = {
            **settings["text_cfg"],
            "hf_model_name": str(_described(folder, name, state, Path(temporary))),
            "hf_model_pretrained": False,
        }
        vision = {**settings["vision_cfg"], "timm_model_pretrained": False}
        try:
            pair = CustomTextCLIP(**{**settings, "vision_cfg": vision, "text_cfg": text})
            # Older versions of transformers kept the numbers of the places among the weights.
            known = pair.state_dict().keys()
            pair.load_state_dict(
                {key: value for key, value in state.items() if key in known or "position_ids" not in key}
            )
            # A sentence is as long as the model was trained on.
            longest = int(settings["text_cfg"].get("context_length") or pair.context_length)
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, model_max_length=longest)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError) as error:
            reason = str(error).strip().splitlines()[0]
            raise SynthaugError(f"{folder}: holds no readable model ({reason}); {HOW_TO_GET}") from None
    size = settings["vision_cfg"].get("image_size", 224)
    return OpenClip(pair.eval(), longest, int(size if isinstance(size, int) else size[0])), tokenizer


def open_clip_intensities(folder: Path) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Mean and standard deviation of the colours that a model takes, where its configuration says them."""
    content = read_json(folder / CONFIGURATION).get("preprocess_cfg", {})
    if "mean" not in content or "std" not in content:
        return None
    return tuple(content["mean"]), tuple(content["std"])


def _weights(file: Path) -> Mapping[str, Tensor]:
    from pickle import UnpicklingError

    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        found: Any = torch.load(file, map_location="cpu", weights_only=True)
    except (SafetensorError, UnpicklingError, RuntimeError, EOFError) as error:
        reason = str(error).strip().splitlines()[0]
        raise SynthaugError(f"{file}: not readable as weights ({reason}); {HOW_TO_GET}") from None
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise SynthaugError(f"{file}: holds other things than weights by name; {HOW_TO_GET}")
    return found


def _described(folder: Path, name: str, state: Mapping[str, Tensor], temporary: Path) -> Path:
    """Folder with the configuration of the text encoder: the model's own, or one made from the shapes of its weights."""
    if (folder / "config.json").is_file():
        return folder
    words = state.get(f"{_TEXT}embeddings.word_embeddings.weight")
    if words is None or "bert" not in name.lower() or "roberta" in name.lower():
        raise SynthaugError(
            f"{folder}: no config.json of its text encoder; put that of {name} beside {CONFIGURATION}"
        )
    from transformers import BertConfig

    layers = {key.split(".")[4] for key in state if key.startswith(f"{_TEXT}encoder.layer.")}
    width = words.shape[1]
    # What a BERT of any size has: heads of 64 features, and the constants that transformers takes by itself.
    BertConfig(
        vocab_size=words.shape[0],
        hidden_size=width,
        num_hidden_layers=len(layers),
        num_attention_heads=max(1, width // 64),
        intermediate_size=state[f"{_TEXT}encoder.layer.0.intermediate.dense.weight"].shape[0],
        max_position_embeddings=state[f"{_TEXT}embeddings.position_embeddings.weight"].shape[0],
        type_vocab_size=state[f"{_TEXT}embeddings.token_type_embeddings.weight"].shape[0],
    ).save_pretrained(temporary)
    return temporary
