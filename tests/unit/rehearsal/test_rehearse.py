"""The rehearsal of a training step: its arithmetic and memory are those of a real step, at a size that a CPU does."""

from __future__ import annotations

import pytest
import torch
import yaml
from checkout import REPOSITORY
from safetensors.torch import load_file
from tiny_clip import write_tiny_clip
from tiny_models import settings_of
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from synthaug.cli import main
from synthaug.config.study import load_study
from synthaug.core.artifacts import sha256_file
from synthaug.models.conditioner import Conditioner, vocabulary
from synthaug.models.weights import freeze
from synthaug.rehearsal.fake_cuda import FakeCuda
from synthaug.rehearsal.random_study import encoded_once, random_models, random_store, random_table
from synthaug.rehearsal.rehearse import count_trainings, hours_of, rehearse, say_model, say_trainings
from synthaug.rehearsal.step_cost import StepCost, without_driver

TINY = REPOSITORY / "config/studies/tiny.yaml"


def float32_study():
    """The tiny study in float32 with one encoded copy, as it is rehearsed and as a CPU computes."""
    study = encoded_once(load_study(yaml.safe_load(TINY.read_text(encoding="utf-8"))))
    models = {}
    for name, model in study.models.items():
        training = model.training.model_copy(update={"precision": "float32", "accumulation": 2})
        models[name] = model.model_copy(update={"training": training})
    return study.model_copy(update={"models": models})


def real_step(model, training, subjects):
    """Operations of a forward and backward pass on the CPU, and bytes that the forward pass kept."""
    rows = [index % subjects for index in range(training.batch_size)]
    drawn = [model.batch(rows, torch.Generator().manual_seed(seed)) for seed in range(4)]
    batch = max(drawn, key=lambda batch: sum(value.numel() for value in batch.values()))
    kept = {value.untyped_storage()._cdata: value.untyped_storage().nbytes() for value in batch.values()}
    weights = {tensor.untyped_storage()._cdata for tensor in (*model.parameters(), *model.buffers())}

    def keep(tensor):
        kept[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes()
        return tensor

    # Other kernels of attention of a CPU are unknown to the counter.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss, _ = model.loss(batch, torch.Generator().manual_seed(0), training.iterations - 1)
        loss.backward()
    return counter.get_total_flops(), sum(size for key, size in kept.items() if key not in weights)


def test_a_rehearsed_step_takes_what_a_real_one_takes():
    study = float32_study()
    store = random_store(study, 2)
    rehearsed = dict(rehearse(study))
    assert set(rehearsed) == set(study.models)
    for name, model in random_models(study, store):
        training = study.models[name].training
        model.train()
        model.prepare(store)
        flops, kept = real_step(model, training, 2)
        step = rehearsed[name]
        assert step.parameters == sum(part.numel() for part in model.parameters() if part.requires_grad)
        # Two passes a step. Attention of a GPU computes its weights again for the backward pass.
        assert step.flops == pytest.approx(2 * flops, rel=0.02), (name, step.flops / (2 * flops))
        assert step.activation_bytes == pytest.approx(kept, rel=0.15), name
        freeze(model, "cpu")


def test_each_category_that_a_study_names_has_values():
    """`sequence` is a category that no other column of the table stands for: two subjects, two values."""
    study = float32_study()
    model = study.models["anatomy"].model_copy(update={"conditions": ("diagnosis", "sequence", "age")})
    table = random_table(study.model_copy(update={"models": {**study.models, "anatomy": model}}), 3)
    assert vocabulary(table, ["diagnosis", "sequence"]) == {
        "diagnosis": ["DCM", "NOR"],
        "sequence": ["A", "B"],
    }
    read = Conditioner(["sequence"], {"sequence": ["A", "B"]}, 4).read(table)
    assert read["sequence"].tolist() == [0, 1, 0] and table["age"].nunique() == 3


def test_trained_weights_count_five_times_and_frozen_ones_once():
    study = float32_study()
    steps = dict(rehearse(study))
    coder, anatomy = steps["autoencoder"], steps["anatomy"]
    assert 5 * 4 * coder.parameters <= coder.weight_bytes < 5.1 * 4 * coder.parameters
    frozen = anatomy.weight_bytes - 5 * 4 * anatomy.parameters
    assert 4 * coder.parameters <= frozen < 1.2 * 4 * coder.parameters


def test_a_perceptual_network_is_rehearsed_before_its_autoencoder_and_counted_with_it():
    study = float32_study()

    def steps(**changes):
        coder = study.models["autoencoder"].model_copy(update=changes)
        models = {"autoencoder": coder, "features": study.models["features"]}
        return dict(rehearse(study.model_copy(update={"models": models})))

    alone, with_it = steps(), steps(needs={"perceptual": "features"})
    assert list(with_it) == ["features", "autoencoder"]
    coder, before = with_it["autoencoder"], alone["autoencoder"]
    assert coder.parameters == before.parameters and coder.flops > before.flops
    # Its weights, and the slopes of its heads.
    assert coder.weight_bytes - before.weight_bytes == 4 * (alone["features"].parameters + 4)


def test_a_clip_model_of_others_is_on_the_gpu_with_what_needs_it(tmp_path):
    """Its numbers are in no weight file of the study, but on the GPU, four bytes each, beside five times the trained ones."""
    file = write_tiny_clip(tmp_path, pieces=40)
    content = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    training = {"iterations": 1, "batch_size": 2, "precision": "float32"}
    models = {"autoencoder": content["models"]["autoencoder"]}
    models["text"] = {"kind": "clip_text", "weights": str(file), "sha256": sha256_file(file)}
    models["words"] = {
        "kind": "text_alignment",
        "needs": {"autoencoder": "autoencoder", "text": "text"},
        "contexts": 2,
        "patch": [1, 1, 2, 2],
        "width": 8,
        "heads": 2,
        "training": training,
    }
    study = load_study(content)
    parsed = {name: settings_of(model) for name, model in models.items()}
    steps = dict(rehearse(study.model_copy(update={"models": parsed})))
    assert set(steps) == {"autoencoder", "words"}
    numbers = sum(value.numel() for value in load_file(file).values())
    frozen = steps["words"].weight_bytes - 5 * 4 * steps["words"].parameters
    assert frozen >= 4 * (numbers + steps["autoencoder"].parameters)


def test_attention_keeps_no_matrix_of_all_pairs():
    kept = []
    with FakeCuda(), without_driver(), torch.autocast("cuda", torch.bfloat16):
        tokens = torch.zeros(1, 2, 4096, 16, device="cuda", requires_grad=True)
        with torch.autograd.graph.saved_tensors_hooks(
            lambda part: kept.append(part.numel()) or part, lambda part: part
        ):
            attended = functional.scaled_dot_product_attention(tokens, tokens, tokens)
    assert attended.shape == tokens.shape and attended.dtype == torch.bfloat16
    assert max(kept) == 2 * 4096 * 16


def test_hours_by_hand():
    step = StepCost(parameters=1, flops=3.6e12, weight_bytes=0, activation_bytes=0)
    assert hours_of(step, iterations=1000, peak=1e13, utilisation=0.1) == pytest.approx(1.0)


def test_trainings_of_a_study_are_each_model_in_every_fold_with_every_seed():
    content = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    content["split"] = {**content.get("split", {}), "folds": 3}
    content["synthesis"] = {**content["synthesis"], "generator_seeds": [0, 1]}
    study = load_study(content)
    # Models of the generator with each of two seeds, that of the extractor with the first.
    assert {name: count_trainings(study, name) for name in study.models} == {
        "autoencoder": 6,
        "anatomy": 6,
        "motion": 6,
        "features": 3,
    }
    iterations = study.models["anatomy"].training.iterations
    # One training takes an hour of an H100 at 10 % of 989 TFLOP/s.
    step = StepCost(parameters=1, flops=0.1 * 989e12 * 3600 / iterations, weight_bytes=0, activation_bytes=0)
    assert say_model(study, "anatomy", step, 0.1).split()[-4:] == ["1.0", "h", "1.0", "h"]
    said = say_trainings(study, {"anatomy": step}, 0.1)
    assert said.split()[:3] == ["all", "trainings", "6"] and said.split()[-4:] == ["6.0", "h", "6.0", "h"]


def test_the_command_says_what_a_step_and_a_batch_take_and_that_nothing_was_measured(capsys):
    assert main(["cost", str(TINY), "--gpu"]) == 0
    said = capsys.readouterr().out
    assert "nothing was measured" in said and "H200" in said
    for name in ("autoencoder", "anatomy", "motion", "features"):
        assert any(line.split()[:1] == [name] and "GiB" in line for line in said.splitlines())
    assert "the gate, writing" in said
    (sampling,) = (line for line in said.splitlines() if line.split()[:1] == ["cascade"])
    assert "GiB" in sampling and sampling.split()[1] == "10"  # 6 synthetic subjects and a sweep of 2 x 2
    (segmenter,) = (line for line in said.splitlines() if line.split()[:2] == ["segmentation", "2d"])
    assert "GiB" in segmenter and "2 of 32 x 32" in segmenter


def test_a_utilisation_that_cannot_be_is_refused_in_one_line(capsys):
    assert main(["cost", str(TINY), "--gpu", "--utilisation", "5"]) == 1
    assert "give a share of the peak above 0" in capsys.readouterr().err
