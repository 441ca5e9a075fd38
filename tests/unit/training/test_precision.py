"""Precision of the forward pass on GPUs with, without and with merely emulated bfloat16."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from synthaug.config.training import TrainingSettings
from synthaug.core.errors import SynthaugError
from synthaug.generators.latent import LatentGenerator
from synthaug.training.devices import precision_of


@pytest.fixture
def gpu(monkeypatch):
    """A GPU that is not there, and whether it computes in bfloat16: itself, or emulated as before Ampere."""

    def make(own: bool) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "Tesla V100")
        monkeypatch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation=True: own or including_emulation
        )
        monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)

    return make


def precision(name: str) -> str:
    return precision_of(TrainingSettings(precision=name))


def test_training_in_emulated_bfloat16_is_refused(gpu):
    gpu(own=False)
    with pytest.raises(SynthaugError, match="Tesla V100 has no bfloat16; take float16 or auto"):
        precision("bfloat16")
    assert (precision("auto"), precision("float16"), precision("float32")) == (
        "float32",
        "float16",
        "float32",
    )


def test_training_in_bfloat16_where_the_gpu_has_it(gpu):
    gpu(own=True)
    assert (precision("auto"), precision("bfloat16")) == ("bfloat16", "bfloat16")


@pytest.mark.parametrize(("own", "expected"), [(False, torch.float32), (True, torch.bfloat16)])
def test_sampling_takes_bfloat16_only_where_the_gpu_has_it(gpu, own, expected):
    gpu(own)
    generator: Any = SimpleNamespace(device=torch.device("cuda"))
    with LatentGenerator.precision(generator):
        assert torch.is_autocast_enabled("cuda") == (expected is torch.bfloat16)
        if own:
            assert torch.get_autocast_dtype("cuda") is expected
