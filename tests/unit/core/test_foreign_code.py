"""A file from elsewhere never has code imported: weights, descriptions of generators, segmenters and their plans."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from synthaug.cli import main
from synthaug.core import plugins
from synthaug.core.artifacts import sha256_file, write_json
from synthaug.core.errors import SynthaugError
from synthaug.generators import load
from synthaug.jobs.job import job
from synthaug.models.weights import _digest, load_model
from synthaug.tasks.segmentation.nnunet_classes import check_network, check_trainer

EVIL = "evil_twin:Model"
LINE = "names the class evil_twin:Model, which is from outside the package"


@pytest.fixture(autouse=True)
def beside(tmp_path, monkeypatch):
    """A module in the working directory that leaves a mark when it is run."""
    (tmp_path / "evil_twin.py").write_text("open('run', 'w').close()\nclass Model: pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(plugins, "_named", set())
    yield
    sys.modules.pop("evil_twin", None)


def was_run(folder):
    return (folder / "run").exists()


def weights(path, kind, needs=None, **settings):
    """A weight file that is whole and says what it likes."""
    tensors = {"a": torch.zeros(2)}
    header = {
        "settings": {"kind": kind, "training": {}, **settings},
        "grid": {"frames": 4, "z": 1, "y": 8, "x": 8, "spacing_mm": [8, 2, 2]},
        "facts": {},
        "seen": [],
        "seed": 0,
        "needs": {
            role: {"path": file.name, "sha256": sha256_file(file)} for role, file in (needs or {}).items()
        },
        "content_sha256": _digest(tensors),
    }
    save_file(tensors, path, metadata={"synthaug": json.dumps(header)})
    return path


def test_weights_of_another_group_run_no_code(tmp_path):
    file = weights(tmp_path / "model.safetensors", "plugin", **{"class": EVIL})
    with pytest.raises(SynthaugError, match=f"model.safetensors: {LINE}"):
        load_model(file)
    # Nor do weights that hide behind others, which are of a kind of the package.
    outer = weights(tmp_path / "outer.safetensors", "masked_autoencoder", {"behind": file})
    with pytest.raises(SynthaugError, match=LINE):
        load_model(outer)
    assert not was_run(tmp_path)


def test_a_generator_of_another_group_runs_no_code(tmp_path):
    settings = {"kind": "plugin", "class": EVIL, "models": {}, "options": {}}
    write_json(tmp_path / "generator.json", {"settings": settings, "code": {}, "models": {}})
    with pytest.raises(SynthaugError, match=f"generator.json: {LINE}"):
        load(tmp_path)
    assert not was_run(tmp_path)


@pytest.mark.parametrize("kind", ["plugin", "masked_autoencoder"])
def test_evaluate_runs_no_code_of_its_weights(tmp_path, kind, capsys):
    file = weights(tmp_path / "evil.safetensors", "plugin", **{"class": EVIL})
    if kind == "masked_autoencoder":
        file = weights(tmp_path / "outer.safetensors", kind, {"behind": file}, patch=[2, 8, 8])
        from synthaug.features.study import StudyExtractor

        with pytest.raises(SynthaugError, match=LINE):
            StudyExtractor(file)
    (tmp_path / "real").mkdir()
    assert main(["evaluate", "real", "real", "--weights", str(file)]) != 0
    assert "Traceback" not in capsys.readouterr().err
    assert not was_run(tmp_path)


def test_a_segmenter_of_another_group_runs_no_code(tmp_path, capsys):
    folder = tmp_path / "model"
    folder.mkdir()
    save_file({"a": torch.zeros(1)}, folder / "model.safetensors")
    record = {
        "trainer": EVIL,
        "configuration": "2d",
        "weights_sha256": sha256_file(folder / "model.safetensors"),
    }
    write_json(folder / "training.json", record)
    write_json(folder / "plans.json", {"configurations": {}})
    assert main(["export", str(folder), str(tmp_path / "out")]) == 1
    assert LINE in capsys.readouterr().err and not was_run(tmp_path)


def plans(network, layer="torch.nn.modules.conv.Conv2d"):
    architecture = {
        "network_class_name": network,
        "arch_kwargs": {"conv_op": layer, "dropout_op": None},
        "_kw_requires_import": ["conv_op", "dropout_op"],
    }
    return {"configurations": {"2d": {"architecture": architecture}, "3d_lowres": {"inherits_from": "2d"}}}


UNET = "dynamic_network_architectures.architectures.unet.PlainConvUNet"


@pytest.mark.parametrize(
    "network, layer",
    [
        ("evil_twin.Model", "torch.nn.Conv2d"),
        (UNET, "evil_twin.Model"),
        ("torch.hub.load", "torch.nn.Conv2d"),
        ("dynamic_network_architectures.architectures.unet.nn.functional.relu", "torch.nn.Conv2d"),
    ],
)
def test_plans_name_networks_and_layers_only(tmp_path, network, layer):
    check_network(plans(UNET), tmp_path / "plans.json")
    with pytest.raises(SynthaugError, match=r"plans\.json: names .* its code is not run"):
        check_network(plans(network, layer), tmp_path / "plans.json")
    assert not was_run(tmp_path)


def test_what_the_study_names_is_imported(tmp_path):
    """A job names the classes of its study; then the same files have them imported."""

    config = {
        "models": {"mine": {"kind": "plugin", "class": EVIL}},
        "tasks": {"s": {"trainer": "evil_twin:Trainer"}},
        "report": {"class": "no class"},
    }
    with job(SimpleNamespace(rule="r", log=[tmp_path / "log"], output=(), config=config)):
        assert plugins.named_plugins() == [EVIL, "evil_twin:Trainer"]
        assert not was_run(tmp_path)  # naming alone imports nothing
        check_trainer("evil_twin:Trainer", tmp_path)
        check_network(plans("evil_twin.Net"), tmp_path)
        with pytest.raises(SynthaugError, match="is not derived from"):
            load_model(weights(tmp_path / "model.safetensors", "plugin", **{"class": EVIL}))
    assert was_run(tmp_path)
