"""What rows of one measurement share, and how a workflow script's job says it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from synthaug.config.evaluation import EvaluationSettings
from synthaug.measures.measurement import Measurement
from synthaug.metric_registry import columns_of


def job(wildcards: dict[str, str], **params: object) -> SimpleNamespace:
    return SimpleNamespace(wildcards=wildcards, params=params)


def test_a_job_gives_the_wildcards_that_are_columns() -> None:
    wildcards = {"study": "demo", "extractor": "i3d", "generator": "cascade", "fold": "2"}
    found = Measurement.of_job(job(wildcards))
    assert found == Measurement({"generator": "cascade", "fold": 2}, EvaluationSettings())
    seeded = Measurement.of_job(job({"fold": "0", "generator_seed": "10"}))
    assert seeded.fields == {"fold": 0, "generator_seed": 10}


def test_a_job_gives_its_rules_settings_and_refuses_a_key_that_is_none() -> None:
    found = Measurement.of_job(job({}, evaluation={"seed": 3}, extractor=None))
    assert found.settings == EvaluationSettings(seed=3)
    with pytest.raises(ValidationError, match="sead"):
        Measurement.of_job(job({}, evaluation={"sead": 3}))


def test_a_row_has_the_registry_s_columns_the_shared_ones_and_its_own() -> None:
    shared = Measurement({"generator": "cascade", "fold": 0})
    compared = shared.with_fields(versus="real train", fold=1)
    row = compared.row("fid", "_ratio", status="ok", value=2.0)
    assert row == {
        **columns_of("fid", "_ratio"),
        "generator": "cascade",
        "fold": 1,
        "versus": "real train",
        "status": "ok",
        "value": 2.0,
    }
    assert "versus" not in shared.fields
    absent = shared.not_measured("fid", note="too few", n=3)
    assert absent == shared.row("fid", status="not_measured", note="too few", n=3)


def test_progress_goes_to_whoever_listens() -> None:
    said: list[tuple[int, int]] = []
    Measurement(progress=lambda done, total: said.append((done, total))).report(1, 4)
    Measurement().report(2, 4)
    assert said == [(1, 4)]
