"""Phenotypes that tasks name are known before anything is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from synthaug.config.image_tasks import RegressionSettings
from synthaug.config.study import load_study
from synthaug.core.errors import SynthaugError

STUDY = Path(__file__).parents[3] / "config" / "studies" / "cpgg.yaml"


def study(task: str, **changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(STUDY.read_text(encoding="utf-8"))
    content["tasks"][task] |= changes
    return content


@pytest.mark.parametrize(
    ("task", "key", "name", "hint"),
    [
        ("phenotypes", "targets", "lv_edvml", "did you mean 'lv_edv_ml'?"),
        ("diagnosis-forest", "features", "qqq", "see docs/phenotypes.md"),
    ],
)
def test_a_name_in_no_table_is_refused_in_one_line(task: str, key: str, name: str, hint: str) -> None:
    with pytest.raises(SynthaugError) as caught:
        load_study(study(task, **{key: [name]}))
    message = str(caught.value)
    assert f"tasks.{task}.{key}: {name!r} is no phenotype" in message and message.endswith(hint)
    assert "\n" not in message


def test_what_a_dataset_s_own_table_brings_is_known() -> None:
    content = study("phenotypes", targets=["lv_ef", "ra_ef"])
    (dataset,) = content["datasets"].values()
    dataset["phenotypes"] = {"table": "own.csv", "id": "eid", "columns": {"RAEF": "ra_ef"}}
    task = load_study(content).tasks["phenotypes"]
    assert isinstance(task, RegressionSettings) and "ra_ef" in task.targets
