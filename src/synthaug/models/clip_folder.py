"""CLIP and similar models in a local folder, as `transformers` or `open_clip` save them: nothing is downloaded or run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from synthaug.core.artifacts import read_json, sha256_file, sha256_json
from synthaug.core.errors import SynthaugError
from synthaug.models.clip_files import files_beside_weights
from synthaug.models.open_clip_folder import CONFIGURATION, load_open_clip, open_clip_intensities
from synthaug.models.text_encoder import CONTINUED

HOW_TO_GET = (
    "put a CLIP model as transformers saves it (config.json, model.safetensors, the tokenizer's files) into a folder, "
    "and set `weights` to its model.safetensors and `sha256`"
)
#: How the networks saw images in training, where no preprocessor_config.json says so (Radford et al., 2021).
_MEAN, _DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
#: Behind the last piece of a word in the tokens of CLIP's BPE; decoding drops it.
_WORD_END = "</w>"


def load_pair(file: Path) -> tuple[Any, Any]:
    """The model of a folder, which describes both images and text, and its tokenizer.

    Parameters
    ----------
    file : Path
        Its weights, whose hash was checked: ``model.safetensors``, or beside an ``open_clip_config.json`` those of that model.

    Raises
    ------
    SynthaugError
        The folder holds no such model.
    """
    if (file.parent / CONFIGURATION).is_file():
        return load_open_clip(file)
    # Imported here: a study without such a model need not have the package.
    from safetensors import SafetensorError
    from transformers import AutoModel, AutoTokenizer

    if file.name != "model.safetensors":
        raise SynthaugError(f"{file}: must be called model.safetensors; {HOW_TO_GET}")
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
        raise SynthaugError(f"{file.parent}: holds no readable model ({reason}); {HOW_TO_GET}") from None
    if not (hasattr(model, "get_image_features") and hasattr(model, "get_text_features")):
        raise SynthaugError(
            f"{file.parent}: {type(model).__name__} does not describe both images and text; {HOW_TO_GET}"
        )
    if loaded["missing_keys"]:  # they would be random numbers
        raise SynthaugError(
            f"{file}: lacks {sorted(loaded['missing_keys'])[0]} of {type(model).__name__}; {HOW_TO_GET}"
        )
    return model, tokenizer


def intensities(folder: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of the colours that a model of a folder takes."""
    if (folder / CONFIGURATION).is_file() and (found := open_clip_intensities(folder)):
        return found
    path = folder / "preprocessor_config.json"
    content = read_json(path) if path.is_file() else {}
    return tuple(content.get("image_mean", _MEAN)), tuple(content.get("image_std", _DEVIATION))


def marked_pieces(tokenizer: Any, numbers: Sequence[int]) -> list[str]:
    """Pieces of token numbers as a reader would write them; one that goes on with a word begins with `CONTINUED`.

    Parameters
    ----------
    tokenizer : tokenizer of transformers
        Of words, of WordPiece (``##`` before a later piece) or of CLIP's BPE (``</w>`` behind the last piece of a word).
    numbers : sequence of int
        Without special tokens.
    """
    tokens = [str(token) for token in tokenizer.convert_ids_to_tokens(list(numbers))]
    ends_are_marked = any(token.endswith(_WORD_END) for token in tokenizer.get_vocab())
    found: list[str] = []
    for place, (number, token) in enumerate(zip(numbers, tokens, strict=True)):
        within = ends_are_marked and place > 0 and not tokens[place - 1].endswith(_WORD_END)
        text = tokenizer.decode([number]).strip().removeprefix(CONTINUED)
        found.append((CONTINUED if within or token.startswith(CONTINUED) else "") + text)
    return found


def marks(tokenizer: Any) -> tuple[int | None, int | None]:
    """Numbers of the marks of the begin and the end of a sentence: of a CLIP its own, of a BERT those of class and separator."""
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    return (
        getattr(tokenizer, "cls_token_id", None) if begin is None else begin,
        getattr(tokenizer, "sep_token_id", None) if end is None else end,
    )


def files_hash(folder: Path) -> str:
    """SHA-256 of what a folder says beside its weights."""
    return sha256_json({path.name: sha256_file(path) for path in files_beside_weights(folder)})


def pooled(output: Any) -> torch.Tensor:
    """The vectors of a model's output, whichever form its version gives them."""
    features: torch.Tensor = output if isinstance(output, torch.Tensor) else output.pooler_output
    return features
