"""A study has one view; what a long axis cannot give is refused in one line before anything runs."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from synthaug.config.study import load_study
from synthaug.core.errors import SynthaugError

STUDIES = Path(__file__).parents[3] / "config" / "studies"
LONG = {"layout": "mnms2", "view": "long_axis", "phantom": {"subjects": 9}}


def study() -> dict:
    content = yaml.safe_load((STUDIES / "tiny.yaml").read_text())
    content["datasets"] = {"phantom-a": copy.deepcopy(LONG), "phantom-b": {**LONG, "vendor": "B"}}
    content["harmonisation"]["matrix"] = [1, 32, 32]
    for name in ("anatomy", "motion"):
        content["models"][name]["conditions"] = ["diagnosis", "es_phase", "heart_rate_bpm", "age"]
    content["synthesis"]["sweep"] = {"levels": 0}
    return content


def test_a_study_of_long_axes_is_one() -> None:
    assert {dataset.shows for dataset in load_study(study()).datasets.values()} == {"long_axis"}


def put(content: dict, path: str, value: object) -> None:
    *sections, key = path.split("/")
    for section in sections:
        content = content[section]
    content[key] = value


REGRESSION = {"kind": "regression", "synthetic": "labelled"}
FOREST = {"kind": "classification", "method": "random_forest", "synthetic": "labelled"}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "datasets/phantom-b/view",
            "short_axis",
            "datasets.phantom-b: of view short_axis, phantom-a is of view long_axis",
        ),
        ("harmonisation/matrix", [10, 32, 32], r"harmonisation.matrix: 10 slices.*set \[1, 32, 32\]"),
        (
            "models/anatomy/conditions",
            ["diagnosis", "lv_ef"],
            "models.anatomy.conditions: lv_ef is measured on short",
        ),
        (
            "models/motion/conditions",
            ["wall_thickness_max_ed_mm"],
            "models.motion.conditions: wall_thickness_max",
        ),
        ("synthesis/sweep", {"levels": 2}, "synthesis.sweep: .*set levels: 0"),
        ("tasks/regression", REGRESSION, "tasks.regression.targets: lv_edv_ml"),
        ("tasks/forest", FOREST, "tasks.forest.features: "),
        (
            "evaluation/attention",
            {"words": {"septal": "septal"}},
            "evaluation.attention.words: 'septal' names a wall",
        ),
        (
            "models/vae",
            {"kind": "phenotype_vae", "phenotypes": ["lv_edv_ml", "age"]},
            "models.vae.phenotypes: lv_edv_ml",
        ),
    ],
)
def test_what_needs_volumes_is_refused_in_one_line(path: str, value: object, message: str) -> None:
    content = study()
    put(content, path, value)
    with pytest.raises(SynthaugError, match=message) as refused:
        load_study(content)
    assert "\n" not in str(refused.value)


def test_phenotypes_that_every_dataset_brings_may_be_targets() -> None:
    content = study()
    own = {"table": "own.tsv", "id": "id", "columns": {"EDV": "lv_edv_ml"}}
    content["tasks"]["regression"] = {**REGRESSION, "targets": ["lv_edv_ml"]}
    content["datasets"]["phantom-a"]["phenotypes"] = own
    with pytest.raises(SynthaugError, match=r"tasks.regression.targets: lv_edv_ml is measured"):
        load_study(content)
    content["datasets"]["phantom-b"]["phenotypes"] = own
    load_study(content)
