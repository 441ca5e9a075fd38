"""A CLIP model with random weights and a vocabulary of whole words, as transformers saves it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

WORDS = ("a", "short-axis", "cardiac", "cine", "mri", "of", "dilated", "cardiomyopathy", "normal", "heart")


def write_tiny_clip(folder: Path, words: Sequence[str] = WORDS, pieces: int = 12) -> Path:
    """Write the folder and return its ``model.safetensors``."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig, PreTrainedTokenizerFast

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    vocabulary = {word: number for number, word in enumerate(["<end>", "<unknown>", *words])}
    text = CLIPTextConfig(
        **sizes, vocab_size=len(vocabulary), max_position_embeddings=pieces, eos_token_id=0, bos_token_id=0
    )
    vision = CLIPVisionConfig(**sizes, image_size=16, patch_size=8)
    model = CLIPModel(
        CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=8)
    )
    model.save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unknown>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<end>", unk_token="<unknown>"
    ).save_pretrained(folder)
    return folder / "model.safetensors"
