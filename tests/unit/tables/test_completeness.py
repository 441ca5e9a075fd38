"""A missing control or a missing seed is one line, whatever was collated."""

from __future__ import annotations

import pandas as pd
import pytest
from report_study import write_made_up_cohort

from synthaug.config.arms import ArmSettings, resolve_arms
from synthaug.config.evaluation import EvaluationSettings
from synthaug.core.artifacts import write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.metric_registry import columns_of
from synthaug.runs import ListedRun
from synthaug.statistics.tasks import ComparedTask, compare_tasks
from synthaug.tables import make_table
from synthaug.tables.completeness import check_complete, check_roles, check_splits

ARMS = list(resolve_arms({"real": ArmSettings(), "plus": ArmSettings(generator="g", dose=1.0)}).values())
FOLDS, SEEDS = (0, 1), (0, 1)
RUNS = [
    ListedRun("arm", arm.name, "segmentation", None, fold, generator_seed, training_seed)
    for arm in ARMS
    for fold in FOLDS
    for generator_seed in (SEEDS if arm.generator else SEEDS[:1])
    for training_seed in SEEDS
]


def scored() -> pd.DataFrame:
    """Dice of three patients a fold, for every training of every arm."""
    rows = [
        {
            **columns_of("dice"),
            "status": "ok",
            "value": 0.8 + 0.01 * patient + 0.001 * training_seed,
            "structure": "LV",
            "phase": "ED",
            "subject": f"f{fold}-p{patient}",
            "task": "segmentation",
            "arm": arm.name,
            "generator": arm.generator,
            "dose": arm.dose,
            "fold": fold,
            "generator_seed": generator_seed,
            "training_seed": training_seed,
        }
        for arm in ARMS
        for fold in FOLDS
        for generator_seed in (SEEDS if arm.generator else [None])
        for training_seed in SEEDS
        for patient in range(3)
    ]
    return make_table(rows)


def with_comparisons(scores: pd.DataFrame) -> pd.DataFrame:
    task = ComparedTask("segmentation", ("dice",), ARMS)
    compared = compare_tasks(scores, [task], EvaluationSettings(replicates=100))
    return pd.concat([scores.astype(object), compared.astype(object)], ignore_index=True)


@pytest.fixture(scope="module")
def complete() -> pd.DataFrame:
    return with_comparisons(scored())


def lines(rows: pd.DataFrame) -> list[str]:
    with pytest.raises(SynthaugError) as raised:
        check_complete(rows, ARMS, RUNS)
    return str(raised.value).splitlines()


def test_all_that_was_planned_is_complete(complete):
    check_complete(complete, ARMS, RUNS)


def test_a_missing_control_is_one_line(complete):
    gone = complete["arm"].eq("plus-repeated") & complete["training_seed"].notna()
    (line,) = lines(complete[~gone])
    assert line.startswith("task segmentation: arm plus-repeated (control of plus): has no row at all")


def test_a_missing_seed_is_one_line(complete):
    gone = (
        complete["arm"].eq("plus-classical")
        & complete["fold"].eq(1)
        & complete["generator_seed"].eq(0)
        & complete["training_seed"].eq(1)
    )
    (line,) = lines(complete[~gone])
    assert "plus-classical" in line and "fold 1, generator seed 0, training seed 1" in line


def test_real_patients_alone_do_not_wait_for_generator_seeds(complete):
    real = complete[complete["arm"].eq("real") & complete["training_seed"].notna()]
    assert real["generator_seed"].isna().all()  # and yet the study is complete
    gone = complete["arm"].eq("real") & complete["training_seed"].eq(1) & complete["fold"].eq(0)
    (line,) = lines(complete[~gone])
    assert "arm real (arm): no row of fold 0, training seed 1;" in line


def test_a_seed_that_failed_and_says_so_is_not_missing(complete):
    rows = complete.copy()
    failed = rows["arm"].eq("plus") & rows["training_seed"].eq(1) & rows["fold"].eq(0)
    rows.loc[failed, ["status", "value", "note"]] = ["failed", None, "out of memory"]
    check_complete(rows, ARMS, RUNS)


def test_a_training_that_scored_fewer_patients_is_named(complete):
    gone = complete["arm"].eq("plus") & complete["subject"].eq("f0-p1") & complete["training_seed"].eq(0)
    found = lines(complete[~(gone & complete["generator_seed"].eq(1))])
    assert len(found) == 1
    assert "fold 0, generator seed 1, training seed 0 did not score 1 of 3 patients (f0-p1" in found[0]


def test_a_training_that_lost_a_row_of_a_patient_is_named():
    parts = [
        scored().assign(structure=structure, phase=phase)
        for structure in ("LV", "RV")
        for phase in ("ED", "ES")
    ]
    rows = with_comparisons(pd.concat(parts, ignore_index=True))
    check_complete(rows, ARMS, RUNS)
    gone = rows["arm"].eq("plus") & rows["subject"].eq("f0-p1") & rows["training_seed"].eq(0)
    gone &= rows["generator_seed"].eq(1) & rows["structure"].eq("RV") & rows["phase"].eq("ES")
    assert gone.sum() == 1
    (line,) = lines(rows[~gone])
    assert line == (
        "task segmentation: arm plus: fold 0, generator seed 1, training seed 0 lacks 1 of 12 rows of dice "
        "(f0-p1, RV, ES, ...); score it again"
    )


@pytest.mark.parametrize("other", ["train", None])
def test_a_split_of_other_roles_than_patients_were_scored_by_is_refused(tmp_path, other):
    rows, path = scored().assign(role="test"), tmp_path / "fold-0.tsv"
    runs = [ListedRun("split", fold=0, split=path)]
    split = pd.DataFrame({"subject": [f"f0-p{patient}" for patient in range(3)], "role": "test"})
    write_tsv(path, split)
    check_roles(rows, runs)
    edited = (
        split[split["subject"] != "f0-p1"] if other is None else split.assign(role=["test", other, "test"])
    )
    write_tsv(path, edited)
    with pytest.raises(
        SynthaugError, match=r"fold-0.tsv: 1 scored patients have another role in their rows \(f0-p1: test"
    ):
        check_roles(rows, runs)


def test_a_missing_comparison_with_a_control_is_named(complete):
    gone = complete["metric"].eq("dice_difference") & complete["versus"].eq("plus-repeated")
    (line,) = lines(complete[~gone])
    assert line.startswith("task segmentation: arm plus: not compared with plus-repeated (its control)")


def test_a_split_that_lost_a_line_is_refused(tmp_path):
    subjects = write_made_up_cohort(tmp_path / "acdc", "acdc", "real", 3, seed=0)
    path = tmp_path / "fold-0.tsv"
    lines = ["subject\tdataset\trole", *(f"{subject}\tacdc\ttest" for subject in subjects)]
    runs = [ListedRun("dataset", "acdc", cohort=tmp_path / "acdc"), ListedRun("split", fold=0, split=path)]
    path.write_text("\n".join(lines) + "\n")
    check_splits(runs)
    path.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(
        SynthaugError, match=rf"fold-0.tsv: lacks 1 of 3 subjects of acdc \({subjects[2]}, ...\)"
    ):
        check_splits(runs)
