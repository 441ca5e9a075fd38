"""Extractors describe a cine on a GPU: nothing mixes devices, and the host waits once for each kind of features.

The GPU is `synthaug.rehearsal.fake_cuda.FakeCuda`, which has no values to read: what is read are zeros of the same shape.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from tiny_clip import write_tiny_clip
from tiny_models import SMALL, settings_of, write_store
from torch._subclasses.fake_tensor import FakeTensor

from synthaug.config.features import ExtractorSettings
from synthaug.core.artifacts import sha256_file
from synthaug.core.registry import class_of
from synthaug.data.store import TensorStore
from synthaug.features import make_extractor
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.weights import save_model
from synthaug.rehearsal.fake_cuda import FakeCuda, move
from synthaug.rehearsal.step_cost import without_driver

#: Frames and slices of a cine: 40 images, more than any extractor takes at once.
FRAMES, SLICES = 10, 4
#: Model of each kind of extractor that a study trains.
TRAINED = {"study": "masked_autoencoder", "study_text": "text_encoder"}
#: Shapes of the features of a cine, by kind of extractor.
SHAPES = {
    "study": {"frames": (40, 24), "temporal": (4, 24), "spatial": (10, 24)},
    "study_text": {"frames": (40, 8)},
    "image_text": {"frames": (40, 8)},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> TensorStore:
    return TensorStore.open(
        write_store(tmp_path_factory.mktemp("data") / "train", subjects=2, n_slices=SLICES)
    )


@pytest.fixture
def readable(monkeypatch) -> None:
    """What was copied to the host can be read: zeros; what was not, cannot."""
    read = torch.Tensor.numpy

    def zeros(tensor: torch.Tensor, **keywords: Any) -> np.ndarray:
        if not isinstance(tensor, FakeTensor):
            return read(tensor, **keywords)
        assert tensor.device.type == "cpu"
        return np.zeros(tuple(tensor.shape), np.float32)

    monkeypatch.setattr(torch.Tensor, "numpy", zeros)


def made(kind: str, store: TensorStore, folder: Path) -> Any:
    """An extractor on the CPU, of untrained weights."""
    if kind in TRAINED:
        settings = settings_of({"kind": TRAINED[kind], **SMALL[TRAINED[kind]]})
        model_class = class_of(settings, TrainableModel)
        model = model_class(settings, Grid.of(store), {}, model_class.facts(settings, store))
        weights = folder / "model.safetensors"
        save_model(weights, model, settings.model_dump(mode="json"), ["h0"], 0, {})
        content = {"kind": kind, "model": "m"}
        return make_extractor(TypeAdapter(ExtractorSettings).validate_python(content), weights)
    file = write_tiny_clip(folder)
    content = {"kind": kind, "weights": str(file), "sha256": sha256_file(file)}
    return make_extractor(TypeAdapter(ExtractorSettings).validate_python(content))


@pytest.mark.parametrize("kind", SHAPES)
def test_a_cine_and_a_sentence_are_described_on_the_gpu(kind, store, tmp_path, readable):
    extractor = made(kind, store, tmp_path)
    cine = np.random.default_rng(0).random((FRAMES, SLICES, 64, 64), np.float32)
    expected = {name: array.shape for name, array in extractor.extract(cine).items()}
    assert expected == SHAPES[kind]
    with FakeCuda() as gpu, without_driver():
        move(extractor.model)
        extractor.device = torch.device("cuda")
        found = extractor.extract(cine)
        assert {name: array.shape for name, array in found.items()} == expected
        assert gpu.copies == len(expected)
        if kind != "study":
            assert extractor.describe({"diagnosis": "DCM", "vendor": "A"}).shape == (8,)
            assert gpu.copies == len(expected) + 1
