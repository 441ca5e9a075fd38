"""Table 1 of TexDC: each ablation against the study's full model, a metric at a time, with the paper's direction beside."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from checkout import REPOSITORY

from synthaug.config.study import StudySettings, load_study
from synthaug.core.artifacts import read_tsv
from synthaug.core.yaml_files import read_yaml
from synthaug.metric_registry import columns_of
from synthaug.published.ablations import AGAINST_FULL
from synthaug.published.texdc import variants
from synthaug.published.write import write_published_table
from synthaug.tables import make_table

STUDIES = REPOSITORY / "config" / "studies"


@pytest.fixture(scope="module")
def study() -> StudySettings:
    return load_study(read_yaml(STUDIES / "texdc.yaml"))


def quotient(metric: str, value: float | None, low: float | None, high: float | None, **about: Any) -> dict:
    """Distance of texdc-no-tam over that of texdc to 20 test patients, in one training."""
    row = {**columns_of(metric, "_quotient"), "generator": "texdc-no-tam", "other_generator": "texdc"}
    row |= {"versus": "real test", "extractor": "x", "fold": 0, "generator_seed": 0, "n": 20, "status": "ok"}
    return {**row, "value": value, "ci_low": low, "ci_high": high, **about}


def written(tmp_path: Path, study: StudySettings, *rows: dict) -> tuple[pd.DataFrame, str]:
    """Lines against the full model by method and column, and the page."""
    write_published_table("texdc_table1", make_table(rows), study, {}, tmp_path / "table")
    found = read_tsv(tmp_path / "table" / "table.tsv", ("source", "method", "column", "note", "finding"))
    own = found[found["source"] == AGAINST_FULL].set_index(["method", "column"])
    return own, (tmp_path / "table" / "table.md").read_text(encoding="utf-8")


NO_TAM = "texdc-no-tam (without TAM)"


def test_worse_better_undecided_and_not_measured(tmp_path, study):
    """The interval of the ratio decides; the paper's F4D and CLIPSIM get worse without TAM, its FID gets better."""
    own, page = written(
        tmp_path,
        study,
        quotient("f4d", 1.3, 1.1, 1.6),
        quotient("fvd_t", 0.8, 0.6, 0.9),
        quotient("fid", 1.2, 0.9, 1.5),
        quotient("fvd_s", None, None, None, status="not_measured", note="2 real subjects"),
        quotient("fvd_t", 9.0, 8.0, 10.0, versus="real train"),
    )
    found = own.loc[NO_TAM]
    assert found["finding"].to_dict() == {
        "FID": "not shown",
        "F4D": "worse",
        "FVD-T": "better",
        "FVD-S": "not measured",
        "CLIPSIM": "not measured",
    }
    assert found["published_finding"].to_dict() == {
        "FID": "better",
        "F4D": "worse",
        "FVD-T": "not printed",
        "FVD-S": "not printed",
        "CLIPSIM": "worse",
    }
    assert found.loc["FVD-T", "value"] == 0.8 and found.loc["FVD-S", "note"].endswith("2 real subjects")
    assert (
        f"| {NO_TAM} | not shown: 1.2 (0.9 to 1.5), n = 20; paper: better | worse: 1.3 (1.1 to 1.6), n = 20; paper: worse | "
        "better: 0.8 (0.6 to 0.9), n = 20; paper: not printed | not measured; paper: not printed | not measured; paper: worse |"
    ) in page
    assert "**Against the full model, `texdc`**" in page


def test_a_ratio_without_an_interval_shows_nothing(tmp_path, study):
    own, _ = written(tmp_path, study, quotient("f4d", 3.0, None, None))
    assert own.loc[(NO_TAM, "F4D"), "finding"] == "not shown"


def test_a_variant_that_stands_before_the_full_model_is_turned_round(tmp_path, study):
    """The study compares later generators with those before: the full model over the variant is 0.5 (0.4 to 0.8)."""
    turned = {"generator": "texdc", "other_generator": "texdc-no-tam"}
    own, _ = written(tmp_path, study, quotient("f4d", 0.5, 0.4, 0.8, **turned))
    line = own.loc[(NO_TAM, "F4D")]
    assert (line["value"], line["ci_low"], line["ci_high"]) == (2.0, 1.25, 2.5) and line["finding"] == "worse"


@pytest.mark.parametrize(
    ("value", "high", "at_least", "finding"), [(0.2, 0.5, 2.0, "worse"), (0.5, 1.25, 0.8, "not shown")]
)
def test_an_interval_that_reaches_nought_has_no_upper_end_when_it_is_turned_round(
    tmp_path, study, value, high, at_least, finding
):
    """Symmetric intervals of a small ratio reach below 0: its inverse may be anything from 1 / high on."""
    turned = {"generator": "texdc", "other_generator": "texdc-no-tam"}
    own, _ = written(tmp_path, study, quotient("f4d", value, -0.1, high, **turned))
    line = own.loc[(NO_TAM, "F4D")]
    assert (line["ci_low"], line["ci_high"], line["finding"]) == (at_least, math.inf, finding)


def test_several_trainings_are_one_finding(tmp_path, study):
    """1.2 and 1.4: t of one degree of freedom, 12.7, times 0.1 is wider than either interval."""
    rows = (
        quotient("f4d", value, value - 0.01, value + 0.01, fold=fold) for fold, value in enumerate((1.2, 1.4))
    )
    own, _ = written(tmp_path, study, *rows)
    line = own.loc[(NO_TAM, "F4D")]
    assert line["value"] == pytest.approx(1.3) and line["finding"] == "not shown"
    assert line["ci_high"] == pytest.approx(1.3 + 12.706 * 0.1, abs=1e-3)


@pytest.mark.parametrize("name", ["texdc", "texdc_full"])
def test_every_line_of_the_paper_s_table_has_a_generator(name):
    contexts = {f"texdc-m{m}": (f"M = {m}", "M = 16") for m in (4, 8, 12, 24)}
    aligned, attending = "with pre-alignment", "with TAM and SAM"
    found = variants(load_study(read_yaml(STUDIES / f"{name}.yaml")))
    assert found is not None and found.full == "texdc"
    assert found.lines == {
        **contexts,
        "texdc-class-start": None,
        "texdc-no-local": ("without L_DA", aligned),
        "texdc-no-relevance": ("without L_expl", aligned),
        "texdc-no-alignment": ("without pre-alignment", aligned),
        "texdc-no-tam": ("without TAM", attending),
        "texdc-no-sam": ("without SAM", attending),
    }


def test_a_study_of_one_text_driven_generator_has_no_ablations(tmp_path):
    alone = load_study(read_yaml(STUDIES / "texdc_comparison.yaml"))
    assert variants(alone) is None
    own, page = written(tmp_path, alone)
    assert own.empty and "Against the full model" not in page
