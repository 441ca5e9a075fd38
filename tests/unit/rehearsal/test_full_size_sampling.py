"""Generators of the studies at the papers' size sample a batch on a fake GPU, at the study's own grid and batch.

Those that differ from another in a sampler or a missing layer only are left out, and CPGG decodes in 4 steps instead of 64:
`synthaug cost STUDY --gpu` rehearses all of them as they are.
"""

from __future__ import annotations

import pytest
import yaml
from checkout import REPOSITORY

from synthaug.config.study import load_study
from synthaug.rehearsal.rehearse_sampling import rehearse_sampling

FOLDER = REPOSITORY / "config/studies"
STUDIES = [*sorted(FOLDER.glob("*_full.yaml")), FOLDER / "acdc_to_mnms.yaml"]
ALIKE = {
    "texdc-no-tam",
    "texdc-no-sam",
    "text-and-edges",
    "videogpt-unconditional",
    "modelscope-unconditional",
}


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_generators_of_the_papers_size_sample(path):
    study = load_study(yaml.safe_load(path.read_text(encoding="utf-8")))
    generators = {name: settings for name, settings in study.generators.items() if name not in ALIKE}
    if "cpgg" in generators:
        generators["cpgg"] = generators["cpgg"].model_copy(update={"steps": 4})
    rehearsed = dict(rehearse_sampling(study.model_copy(update={"generators": generators})))
    assert set(rehearsed) == set(generators)
    for name, cost in rehearsed.items():
        assert cost.flops > 1e12 and cost.memory_bytes < 64 * 2**30, name
        assert cost.waits < 20, name
