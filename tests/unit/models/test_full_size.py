"""Every model of the studies at the papers' size takes a training step on a fake GPU, and every generator samples a batch of it.

Grid, batch and networks are the study's. One test a study: models that others need are prepared once. Left out are those that
differ from another in weights of losses, number of contexts or guidance only (`ALIKE`), and CPGG decodes in 3 steps instead of
64: `synthaug cost STUDY --gpu` rehearses all of them as they are.
"""

from __future__ import annotations

import pytest
import yaml
from checkout import REPOSITORY
from fake_training import step_once

from synthaug.config.study import load_study
from synthaug.rehearsal.fake_cuda import FakeCuda, move
from synthaug.rehearsal.host_work import watch_losses
from synthaug.rehearsal.random_study import random_models, random_store
from synthaug.rehearsal.rehearse import valueless
from synthaug.rehearsal.rehearse_sampling import sample_each
from synthaug.rehearsal.step_cost import count_step

FOLDER = REPOSITORY / "config/studies"
STUDIES = [*sorted(FOLDER.glob("*_full.yaml")), FOLDER / "acdc_to_mnms.yaml"]
IN_FLOAT32 = FOLDER / "single_pass_full.yaml"
#: Models and generators that are left out, each with the one that it is like.
ALIKE = {
    **{
        f"{name}-{variant}": name
        for name in ("alignment", "images", "cines", "texdc")
        for variant in ("m4", "m8", "m12", "m24", "no-local", "no-relevance")
    },
    **{f"{name}-unconditional": name for name in ("cpgg", "videogpt", "modelscope")},
}
#: Kinds whose loss adds noise to latents, and of how many numbers it is at least.
NOISED = {
    "autoencoder",
    "slice_autoencoder",
    "anatomy_diffusion",
    "motion_diffusion",
    "cine_diffusion",
    "text_diffusion",
    "control_branch",
    "deformation_diffusion",
    "sequence_diffusion",
    "masked_autoregression",
}
NUMBERS_OF_NOISE = 50_000
#: What these differ in.
FREE = {"contexts", "local_weight", "relevance_weight", "sampler.guidance"}


def without_alike(study):
    """The study without those of its models and generators that are like others."""
    models = {name: model for name, model in study.models.items() if name not in ALIKE}
    generators = {name: generator for name, generator in study.generators.items() if name not in ALIKE}
    if "cpgg" in generators:
        generators["cpgg"] = generators["cpgg"].model_copy(update={"steps": 3})
    return study.model_copy(update={"models": models, "generators": generators})


def leaves(settings, place=""):
    """Values of nested settings by dotted name; the models that they build on by the name of the one that each is like."""
    found = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            found |= leaves(value, f"{place}{key}.")
        else:
            found[place + key] = ALIKE.get(value, value) if place in ("needs.", "models.") else value
    return found


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_what_is_left_out_is_like_what_is_not(path):
    study = load_study(yaml.safe_load(path.read_text(encoding="utf-8")))
    for entries in (study.models, study.generators):
        for name, like in ((name, like) for name, like in ALIKE.items() if name in entries):
            own, other = (leaves(entries[one].model_dump(mode="json")) for one in (name, like))
            assert {key for key in own | other if own.get(key) != other.get(key)} <= FREE, name


def test_models_of_the_papers_size_take_a_step_in_float32(monkeypatch):
    """One study's: the same arithmetic as in bfloat16, and more memory for what the backward pass needs."""
    study = valueless(load_study(yaml.safe_load(IN_FLOAT32.read_text(encoding="utf-8"))))
    store = random_store(study, 2)
    with FakeCuda() as gpu:
        for name, model in random_models(study, store):
            training = study.models[name].training
            move(model)
            model.train()
            model.prepare(store)
            full, half = (
                count_step(model, training.model_copy(update={"precision": precision}), 2)
                for precision in ("float32", "bfloat16")
            )
            assert full.flops == pytest.approx(half.flops, rel=0.01), name
            assert full.weight_bytes == half.weight_bytes, name
            assert half.activation_bytes < full.activation_bytes < 2.1 * half.activation_bytes, name
            before = gpu.copies
            step_once(model, training, training.iterations - 1, list(store.table.index), monkeypatch)
            assert gpu.copies == before, name
            monkeypatch.undo()
            model.requires_grad_(False).eval()


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_models_of_the_papers_size_take_a_step_and_generators_sample(path, monkeypatch):
    study = valueless(without_alike(load_study(yaml.safe_load(path.read_text(encoding="utf-8")))))
    store = random_store(study, 2)
    made = {}
    with FakeCuda() as gpu:
        for name, model in random_models(study, store):
            training = study.models[name].training
            move(model)
            model.prepare(store)
            if study.models[name].kind != "phenotype_copula":  # fitted, without steps
                before, subjects = gpu.copies, list(store.table.index)
                with watch_losses(model, gpu) as losses:
                    step_once(model, training, training.iterations - 1, subjects, monkeypatch, half=True)
                    monkeypatch.undo()
                assert gpu.copies == before, name
                assert len(losses) == training.accumulation
                # Noise is drawn where the data lie: the host draws seeds, and what drops conditions.
                for work in losses:
                    assert work.host_draws < 0.01 * work.batch_numbers, name
                    assert work.sent_bytes < 0.01 * work.batch_bytes, name
                if study.models[name].kind in NOISED:
                    assert min(work.gpu_draws for work in losses) > NUMBERS_OF_NOISE, name
            made[name] = model.requires_grad_(False).eval()
        sampled = dict(sample_each(study, made, gpu))
    assert set(sampled) == set(study.generators)
    for name, cost in sampled.items():
        assert cost.flops > 1e12 and cost.memory_bytes < 64 * 2**30, name
        assert cost.waits < 20, name
