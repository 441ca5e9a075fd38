"""A small model of BiomedCLIP's kind with random weights, as open_clip saves it: a BERT and a vision transformer of timm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tiny_clip import WORDS


def write_tiny_open_clip(
    folder: Path, words: Sequence[str] = WORDS, safe: bool = True, pieces: int = 12
) -> Path:
    """Write the folder, without a ``config.json`` as BiomedCLIP's, and return its weights."""
    import torch
    from open_clip.model import CustomTextCLIP
    from safetensors.torch import save_file
    from transformers import BertConfig, BertTokenizerFast

    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    tokenizer = BertTokenizerFast(
        vocab={word: number for number, word in enumerate(vocabulary)}, do_lower_case=True
    )
    tokenizer.save_pretrained(folder)
    described = folder.with_name(f"{folder.name}-bert")
    BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=1,
        intermediate_size=32,
        max_position_embeddings=20,
    ).save_pretrained(described)
    model = {
        "embed_dim": 8,
        "vision_cfg": {
            "timm_model_name": "test_vit",
            "timm_pool": "",
            "timm_proj": "linear",
            "image_size": 160,
        },
        "text_cfg": {
            "hf_model_name": "somebody/tiny-bert",
            "hf_tokenizer_name": "somebody/tiny-bert",
            "hf_proj_type": "mlp",
            "hf_pooler_type": "cls_last_hidden_state_pooler",
            "context_length": pieces,
        },
    }
    content = {"model_cfg": model, "preprocess_cfg": {"mean": [0.4, 0.4, 0.4], "std": [0.2, 0.2, 0.2]}}
    (folder / "open_clip_config.json").write_text(json.dumps(content))
    text = {**model["text_cfg"], "hf_model_name": str(described), "hf_model_pretrained": False}
    state = CustomTextCLIP(**{**model, "text_cfg": text}).state_dict()
    if safe:
        save_file(state, folder / "open_clip_model.safetensors")
        return folder / "open_clip_model.safetensors"
    # As older versions wrote it: with the numbers of the places among the weights.
    state["text.transformer.embeddings.position_ids"] = torch.arange(20)[None]
    torch.save(state, folder / "open_clip_pytorch_model.bin")
    return folder / "open_clip_pytorch_model.bin"
