"""Every model of the studies at the papers' size takes a training step on a fake GPU, and every generator samples a batch of it.

Grid, batch and networks are the study's. One test a study: models that others need are prepared once. Left out are those that
lack a layer of another or differ in a sampler only, and CPGG decodes in 3 steps instead of 64: `synthaug cost STUDY --gpu`
rehearses all of them as they are.
"""

from __future__ import annotations

import pytest
import yaml
from checkout import REPOSITORY
from fake_training import step_once

from synthaug.config.study import load_study
from synthaug.rehearsal.fake_cuda import FakeCuda, move
from synthaug.rehearsal.random_study import random_models, random_store
from synthaug.rehearsal.rehearse import valueless
from synthaug.rehearsal.rehearse_sampling import sample_each

FOLDER = REPOSITORY / "config/studies"
STUDIES = [*sorted(FOLDER.glob("*_full.yaml")), FOLDER / "acdc_to_mnms.yaml"]
ALIKE = {
    *("cines-no-tam", "cines-no-sam", "texdc-no-tam", "texdc-no-sam"),
    *("edges", "text-and-edges", "cpgg-unconditional", "videogpt-unconditional", "modelscope-unconditional"),
}


def without_alike(study):
    """The study without those of its models and generators that are like others."""
    models = {name: model for name, model in study.models.items() if name not in ALIKE}
    generators = {name: generator for name, generator in study.generators.items() if name not in ALIKE}
    if "cpgg" in generators:
        generators["cpgg"] = generators["cpgg"].model_copy(update={"steps": 3})
    return study.model_copy(update={"models": models, "generators": generators})


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
                before = gpu.copies
                step_once(
                    model, training, training.iterations - 1, list(store.table.index), monkeypatch, half=True
                )
                assert gpu.copies == before, name
            made[name] = model.requires_grad_(False).eval()
        monkeypatch.undo()
        sampled = dict(sample_each(study, made, gpu))
    assert set(sampled) == set(study.generators)
    for name, cost in sampled.items():
        assert cost.flops > 1e12 and cost.memory_bytes < 64 * 2**30, name
        assert cost.waits < 20, name
