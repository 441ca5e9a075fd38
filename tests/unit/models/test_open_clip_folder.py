"""A folder of open_clip, as BiomedCLIP's: its own features, whatever a batch is filled up with, and one line for what is wrong."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from tiny_models import settings_of, write_store
from tiny_open_clip import write_tiny_open_clip

from synthaug.core.artifacts import read_json, sha256_file, write_json
from synthaug.core.errors import SynthaugError
from synthaug.features.image_text_pair import ImageTextExtractor
from synthaug.models.base import Grid
from synthaug.models.clip_folder import intensities, load_pair
from synthaug.models.clip_text import ClipText
from synthaug.models.weights import load_model
from synthaug.training import train_model

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.interface` is deprecated:FutureWarning")
GRID = Grid(4, 3, 16, 16, (10.0, 2.0, 2.0))
SENTENCE = "normal heart of a dilated heart"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_open_clip(tmp_path_factory.mktemp("open") / "clip")


def settings(weights: Path) -> object:
    return settings_of({"kind": "clip_text", "weights": str(weights), "sha256": sha256_file(weights)})


@pytest.fixture(scope="module")
def model(weights: Path) -> ClipText:
    return ClipText(settings(weights), GRID, {})


@pytest.fixture(scope="module")
def theirs(weights: Path) -> torch.nn.Module:
    """The pair as open_clip itself builds and reads it, its text encoder described by a file."""
    from open_clip.model import CustomTextCLIP
    from safetensors.torch import load_file

    content = read_json(weights.parent / "open_clip_config.json")["model_cfg"]
    described = weights.parent.with_name(f"{weights.parent.name}-bert")
    text = {**content["text_cfg"], "hf_model_name": str(described), "hf_model_pretrained": False}
    pair = CustomTextCLIP(**{**content, "text_cfg": text})
    pair.load_state_dict(load_file(weights))
    return pair.eval()


def test_vectors_are_those_of_open_clip(model: ClipText, weights: Path, theirs: torch.nn.Module) -> None:
    from transformers import AutoTokenizer

    numbers = AutoTokenizer.from_pretrained(weights.parent)(SENTENCE, return_tensors="pt")["input_ids"]
    images = torch.rand(2, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted, shown = theirs.encode_text(numbers, normalize=True)[0], theirs.encode_image(images)
    assert torch.allclose(model.embed([SENTENCE])[0], wanted, atol=1e-6)
    pair, _ = load_pair(weights)
    with torch.no_grad():
        assert torch.allclose(pair.get_image_features(images), shown, atol=1e-6)
    assert intensities(weights.parent) == ((0.4, 0.4, 0.4), (0.2, 0.2, 0.2))


def test_a_sentence_is_read_the_same_beside_longer_ones(model: ClipText) -> None:
    """Attention looks both ways: what fills a sentence up must be masked."""
    alone, beside = model.embed(["heart"])[0], model.embed(["heart", SENTENCE])[0]
    assert torch.allclose(alone, beside, atol=1e-6)
    encoded = model.encode(["heart", SENTENCE])
    assert encoded.known.sum(dim=1).tolist() == [1, 6]
    assert torch.allclose(model.encode(["heart"]).tokens[0], encoded.tokens[0, :1], atol=1e-6)
    assert model.pieces("Normal heart") == ["normal", "heart"]
    assert len(model.pieces("heart " * 50)) == model.longest == 10


def test_learned_words_stand_in_front(model: ClipText) -> None:
    words = model._words[0].weight[model._numbers(["dilated normal"])[0]].detach()[None]
    wanted = model.encode(["dilated normal heart"]).tokens
    assert torch.allclose(model.encode(["heart"], words).tokens, wanted, atol=1e-6)


def test_weights_of_a_bin_file_are_read_without_code(weights: Path, model: ClipText, tmp_path: Path) -> None:
    file = write_tiny_open_clip(tmp_path / "clip", safe=False)
    assert torch.allclose(
        ClipText(settings(file), GRID, {}).embed([SENTENCE]), model.embed([SENTENCE]), atol=1e-6
    )

    class Harmful:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (str(tmp_path / "executed"),))

    file.write_bytes(pickle.dumps({"a": Harmful()}))
    with pytest.raises(SynthaugError, match="not readable as weights"):
        load_pair(file)
    assert not (tmp_path / "executed").exists()


def test_it_is_an_extractor_and_a_text_encoder_of_a_study(weights: Path, tmp_path: Path) -> None:
    extractor = ImageTextExtractor(weights, sha256_file(weights), "a cine of {diagnosis}")
    assert extractor.text_feature(SENTENCE).shape == (8,)
    described = extractor.describe({"diagnosis": "DCM"})
    assert described is not None and extractor.describe({"diagnosis": None}) is None
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
    )
    assert {"text_to_image", "image_to_text"} <= set(read_json(tmp_path / "training.json")["figures"])
    assert load_model(tmp_path / "model.safetensors").embed(["heart"]).shape == (1, 8)


def test_another_tokenizer_is_another_model(weights: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(weights.parent, tmp_path / "clip")
    file = folder / weights.name
    before = ImageTextExtractor(file, sha256_file(file), "a cine of {diagnosis}").id
    facts = ClipText.facts(settings(file), None)
    ClipText(settings(file), GRID, {}, facts)
    content = json.loads((folder / "tokenizer_config.json").read_text()) | {"note": "edited"}
    write_json(folder / "tokenizer_config.json", content)
    assert ImageTextExtractor(file, sha256_file(file), "a cine of {diagnosis}").id != before
    with pytest.raises(SynthaugError, match="not those that were there in training; restore them"):
        ClipText(settings(file), GRID, {}, facts)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda content: content["model_cfg"]["text_cfg"].pop("hf_model_name"),
            "names no text encoder of transformers",
        ),
        (
            lambda content: content["model_cfg"]["text_cfg"].update(hf_model_name="a/roberta"),
            "put that of a/roberta beside",
        ),
        (lambda content: content["model_cfg"].update(embed_dim=9), r"no readable model \(.*"),
        (lambda content: content.clear(), "names no text encoder of transformers"),
    ],
)
def test_what_is_wrong_gets_one_line(weights: Path, tmp_path: Path, change: object, said: str) -> None:
    folder = shutil.copytree(weights.parent, tmp_path / "clip")
    content = read_json(folder / "open_clip_config.json")
    change(content)
    write_json(folder / "open_clip_config.json", content)
    with pytest.raises(SynthaugError, match=said) as refused:
        load_pair(folder / weights.name)
    assert "\n" not in str(refused.value)
