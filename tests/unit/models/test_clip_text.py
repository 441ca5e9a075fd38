"""A local CLIP folder as a text encoder: its own features, learned words, and one line for what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_clip import write_tiny_clip
from tiny_models import settings_of, write_store
from transformers import BertTokenizer, CLIPTokenizer

from synthaug.core.artifacts import read_json, sha256_file
from synthaug.core.errors import SynthaugError
from synthaug.models import clip_text
from synthaug.models.base import Grid
from synthaug.models.clip_folder import marked_pieces
from synthaug.models.clip_text import ClipText
from synthaug.models.sentences import word_columns
from synthaug.models.weights import load_model
from synthaug.training import train_model

GRID = Grid(4, 3, 16, 16, (10.0, 2.0, 2.0))


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    return write_tiny_clip(tmp_path_factory.mktemp("clip"))


def settings(weights: Path, sha256: str | None = None):
    return settings_of(
        {"kind": "clip_text", "weights": str(weights), "sha256": sha256 or sha256_file(weights)}
    )


@pytest.fixture(scope="module")
def model(weights) -> ClipText:
    return ClipText(settings(weights), GRID, {})


def test_embeddings_are_the_folders_own(model, weights) -> None:
    from transformers import AutoModel, AutoTokenizer

    clip, tokenizer = (
        AutoModel.from_pretrained(weights.parent).eval(),
        AutoTokenizer.from_pretrained(weights.parent),
    )
    sentence = "normal heart"
    numbers = [*tokenizer(sentence, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    with torch.no_grad():
        wanted = clip.get_text_features(input_ids=torch.tensor([numbers])).pooler_output[0]
    assert torch.allclose(model.embed([sentence])[0], wanted / wanted.norm(), atol=1e-6)


def test_sentences_as_pieces(model) -> None:
    encoded = model.encode(["", "normal heart", "a zebra heart"])
    assert encoded.tokens.shape == (3, 3, model.width) and encoded.known.sum(dim=1).tolist() == [0, 2, 3]
    assert model.pieces("Normal heart") == ["normal", "heart"]
    assert torch.allclose(model.encode(["normal heart"]).tokens[0], encoded.tokens[1, :2], atol=1e-6)
    assert model.encode([""]).tokens.shape == (1, 0, model.width)
    assert len(model.pieces("heart " * 50)) == model.longest == 10


def test_learned_words_stand_in_front_and_get_gradients(model) -> None:
    prefix = torch.randn(1, 2, model.word_width, generator=torch.Generator().manual_seed(0)).requires_grad_()
    encoded = model.encode(["normal heart"], prefix)
    assert encoded.tokens.shape == (1, 4, model.width) and encoded.known.all()
    # Weighted, because the sum of a normalised vector is the same whatever the words in front say.
    (encoded.tokens[:, 2:] * torch.linspace(-1, 1, model.width)).sum().backward()
    assert prefix.grad is not None and prefix.grad.abs().sum() > 0
    # The embeddings of real words in front give the features of the longer sentence.
    words = model._words[0].weight[model._numbers(["dilated normal"])[0]].detach()[None]
    assert torch.allclose(
        model.encode(["heart"], words).tokens, model.encode(["dilated normal heart"]).tokens, atol=1e-6
    )
    with pytest.raises(SynthaugError, match="reads 10; use fewer"):
        model.encode(["heart"], torch.zeros(1, 10, model.word_width))


def test_it_is_recorded_without_training_and_its_weights_stay_in_their_folder(weights, tmp_path) -> None:
    store = write_store(tmp_path / "train", subjects=3, n_slices=3)
    train_model(
        settings(weights),
        store=store,
        needs={},
        weights=tmp_path / "model.safetensors",
        record=tmp_path / "training.json",
        history=tmp_path / "history.csv",
        checkpoints=tmp_path / "checkpoints",
        seed=0,
        threads=1,
        processes=1,
    )
    record = read_json(tmp_path / "training.json")
    assert record["parameters"] == record["iterations"] == 0 and record["final_loss"] > 0
    assert {"text_to_image", "image_to_text", "chance"} <= set(record["figures"])
    assert (tmp_path / "model.safetensors").stat().st_size < 5000
    loaded = load_model(tmp_path / "model.safetensors")
    assert isinstance(loaded, ClipText) and loaded.embed(["heart"]).shape == (1, 8)


def test_a_model_that_takes_no_learned_words_is_refused(weights, monkeypatch) -> None:
    class Pair(torch.nn.Linear):
        text_model = torch.nn.Linear(1, 1)

    monkeypatch.setattr(clip_text, "load_pair", lambda file: (Pair(1, 1), None))
    with pytest.raises(SynthaugError, match=r"Pair has no table of word embeddings.*take a CLIP model"):
        ClipText(settings(weights), GRID, {})


def test_what_is_wrong_gets_one_line(weights, tmp_path) -> None:
    with pytest.raises(SynthaugError, match="no such weight file; put a CLIP model"):
        ClipText(settings(tmp_path / "model.safetensors", "0" * 64), GRID, {})
    with pytest.raises(SynthaugError, match=r"SHA-256 is .* is configured; check the file"):
        ClipText(settings(weights, "0" * 64), GRID, {})
    with pytest.raises(ValueError, match="sha256"):
        settings_of({"kind": "clip_text", "weights": str(weights)})


def bpe(folder: Path) -> CLIPTokenizer:
    """CLIP's own kind of tokenizer, with the pieces of three words."""
    merges = ["a n", "t e", "te r", "an ter", "anter o", "s e", "p t", "se pt", "a l</w>", "sept al</w>", "w a", "l l</w>", "wa ll</w>"]  # fmt: skip
    tokens = [
        "<|startoftext|>",
        "<|endoftext|>",
        *"anteroseplw",
        *(f"{letter}</w>" for letter in "anteroseplw"),
    ]
    tokens += [merge.replace(" ", "") for merge in merges]
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    return CLIPTokenizer(vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"))


def word_piece(folder: Path) -> BertTokenizer:
    """BiomedCLIP's kind of tokenizer, with the same pieces."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "antero", "##septal", "septal", "wall"]
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n")
    return BertTokenizer(vocab=str(folder / "vocab.txt"))


@pytest.mark.parametrize("kind", [bpe, word_piece])
def test_pieces_of_a_word_are_told_from_words(tmp_path: Path, kind: Callable[[Path], Any]) -> None:
    tokenizer = kind(tmp_path)
    numbers = tokenizer("anteroseptal septal wall", add_special_tokens=False)["input_ids"]
    pieces = marked_pieces(tokenizer, numbers)
    assert pieces == ["antero", "##septal", "septal", "wall"]
    columns = word_columns(pieces, ["anteroseptal", "septal", "septal wall"], 4)
    assert [columns[:, word].nonzero().flatten().tolist() for word in range(3)] == [[0, 1], [2], [2, 3]]
