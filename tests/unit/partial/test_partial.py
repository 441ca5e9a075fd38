"""Tables of a study in which a training failed: the rest is there, what is absent says so, no verdict over it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_study import write_made_up_cohort

from synthaug.cli import main
from synthaug.config.arms import resolve_arms
from synthaug.config.study import StudySettings, load_study
from synthaug.core.artifacts import read_json, write_json, write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.metric_registry import columns_of
from synthaug.partial.absent import ABSENT_RESULT, absent_results
from synthaug.partial.collate import collate_partial
from synthaug.report.rows import records
from synthaug.report.sections.verdict import judge
from synthaug.runs import arm_runs, arms_of_task, measure_files
from synthaug.tables import make_table
from synthaug.tables.collate import read_version

STUDY = {
    "name": "s",
    "datasets": {"p": {"layout": "acdc", "vendor": "A", "phantom": {"subjects": 8}}},
    "models": {name: {"kind": kind} for name, kind in {"autoencoder": "autoencoder", "anatomy": "anatomy_diffusion", "motion": "motion_diffusion"}.items()},
    "generators": {"g": {"kind": "cascade", "models": {"autoencoder": "autoencoder", "anatomy": "anatomy", "motion": "motion"}}},
    "arms": {
        "real": {},
        "one": {"generator": "g", "dose": 0.5},
        "two": {"generator": "g", "dose": 1.0},
    },
    "tasks": {"segmentation": {"kind": "segmentation", "training_seeds": [0, 1]}},
    "evaluation": {"replicates": 100, "permutations": 999},
}  # fmt: skip
FAILED = "segmentation_two_fold-0_generator-seed-0_training-seed-1"


@pytest.fixture(scope="module")
def study() -> StudySettings:
    return load_study(STUDY)


@pytest.fixture(scope="module")
def made(tmp_path_factory, study) -> Path:
    """All trainings were scored but one, of which there is a log; nothing was measured on the generator."""
    results = tmp_path_factory.mktemp("made") / "results" / "s"
    write_json(results / "configuration.json", study.model_dump(mode="json", exclude={"report"}))
    subjects = write_made_up_cohort(results / "cohorts/p", "p", "real", 8, 0)
    write_made_up_cohort(results / "synthetic/g/fold-0/generator-seed-0/cohort", "g", "synthetic", 4, 1)
    split = pd.DataFrame({"subject": subjects, "patient": subjects, "dataset": "p", "vendor": "A"})
    roles = ["train"] * 3 + ["validation"] + ["test"] * 4
    write_tsv(results / "splits/fold-0.tsv", split.assign(diagnosis="NOR", labelled=True, role=roles))
    rng = np.random.default_rng(0)
    for run in arm_runs(study):
        arm = arms_of_task(study, run.task)[run.arm]
        about = {**columns_of("dice"), "status": "ok", "task": run.task, "arm": arm.name, "fold": 0}
        about |= {"generator": arm.generator, "dose": arm.dose, "training_seed": run.training_seed}
        about |= {"generator_seed": 0 if arm.generator else None, "structure": "LV", "phase": "ED"}
        values = rng.normal(0.9, 0.01, 4)
        rows = [{**about, "subject": who, "value": value} for who, value in zip(subjects[4:], values, strict=True)]  # fmt: skip
        write_tsv(results / f"rows/scores/{run.stem}.tsv", make_table(rows))
    (results / f"rows/scores/{FAILED}.tsv").unlink()
    folder = "fold-0/generator-seed-0"
    (results / "arms/two" / folder).mkdir(parents=True)
    (results / "tasks/segmentation/fold-0/arms/two/generator-seed-0/training-set").mkdir(parents=True)
    (results / "tasks/segmentation/fold-0/plan").mkdir()
    (results / "logs/train_task").mkdir(parents=True)
    (results / f"logs/train_task/{FAILED}.log").write_text("out of memory")
    return results


@pytest.fixture(scope="module")
def collated(made):
    return collate_partial(made)


@pytest.fixture(scope="module")
def rows(collated) -> pd.DataFrame:
    return read_version(collated.version)


def test_the_absent_training_is_a_failed_row_that_names_its_log(rows):
    failed = rows[(rows["metric"] == "dice") & (rows["status"] == "failed")]
    assert failed[["arm", "fold", "generator_seed", "training_seed"]].values.tolist() == [["two", 0, 0, 1]]
    assert failed["note"].item().startswith("not trained; see ")
    assert failed["note"].item().endswith(f"logs/train_task/{FAILED}.log")


@pytest.mark.parametrize(
    ("failed", "made_before", "said"),
    [
        ("choose_training_subjects/one_fold-0_generator-seed-0", 0, "training subjects not chosen"),
        ("plan_task/segmentation_fold-0", 1, "task not planned"),
        ("write_training_set/segmentation_one_fold-0_generator-seed-0", 2, "training set not written"),
        ("train_task/{stem}", 3, "not trained"),
        ("validate_task/{stem}", 4, "not validated"),
        ("predict_test/{stem}", 5, "test patients not predicted"),
        ("score_predictions/{stem}", 6, "not scored"),
    ],
)
def test_the_step_that_failed_is_named_with_its_log(study, tmp_path, failed, made_before, said):
    run = next(run for run in arm_runs(study) if run.arm == "one")
    training = f"{run.folder.rpartition('/')[0]}/training-set"
    steps = [run.subjects, "tasks/segmentation/fold-0/plan", training]
    steps += [f"{run.folder}/{name}" for name in ("model", "validation", "predictions")]
    for step in steps[:made_before]:
        (tmp_path / step).mkdir(parents=True)

    def reason():
        return next(missing.reason for missing in absent_results(study, tmp_path) if missing.run == run)

    assert reason() == f"{said}: not run"
    log = tmp_path / "logs" / f"{failed.format(stem=run.stem)}.log"
    log.parent.mkdir(parents=True)
    log.write_text("synthaug: no")
    assert reason() == f"{said}; see {log}"


def test_every_absent_file_is_a_row_and_a_line(rows, collated, study):
    listed = pd.read_csv(collated.version / "absent.tsv", sep="\t")["file"].tolist()
    assert listed == [f"rows/scores/{FAILED}.tsv", *measure_files(study)]
    assert rows.loc[rows["metric"] == ABSENT_RESULT, "target"].tolist() == measure_files(study)


def test_the_other_arms_are_compared_and_the_unfinished_one_is_withheld(rows):
    compared = rows[(rows["metric"] == "dice_difference") & rows["vendor"].isna()]
    status = {arm: set(own["status"]) for arm, own in compared.groupby("arm")}
    assert status["one"] == {"ok"} and status["two"] == {"failed"}
    withheld = compared[compared["arm"] == "two"]
    assert withheld["note"].str.startswith("withheld: two: 1 of 2 trainings are missing").all()
    assert withheld[["value", "p_value", "p_adjusted", "ci_low"]].isna().all(axis=None)
    assert not rows["metric"].str.endswith(("_rank", "_first", "_slope", "_trend")).any()


def test_holm_counts_what_is_withheld(rows, study):
    """Four controls count in the verdict of each arm at most; the p-values of one arm are corrected for both."""
    own = rows[(rows["arm"] == "one") & rows["p_adjusted"].notna()]
    withheld = rows[
        (rows["arm"] == "two") & (rows["metric"] == "dice_difference") & (rows["versus"] != "real")
    ]
    least = own["p_value"].idxmin()
    assert own.loc[least, "p_adjusted"] == pytest.approx(
        min(1, own.loc[least, "p_value"] * (len(own) + len(withheld)))
    )


def test_a_task_without_a_family_withholds_its_primary_metric(made, tmp_path):
    content = {**STUDY, "tasks": {"segmentation": {**STUDY["tasks"]["segmentation"], "family": []}}}
    results = tmp_path / "results" / "s"
    shutil.copytree(made, results, symlinks=True)
    declared = load_study(content)
    write_json(results / "configuration.json", declared.model_dump(mode="json", exclude={"report"}))
    found = read_version(collate_partial(results).version)
    withheld = found[(found["status"] == "failed") & found["note"].str.startswith("withheld", na=False)]
    assert "dice_difference" in set(withheld["metric"]) and set(withheld["arm"]) >= {"two"}


def test_no_verdict_on_the_arm_nor_on_the_study(rows, study):
    arms = list(resolve_arms(study.arms).values())
    judged = judge(records(rows[rows["subject"].isna()]), arms, "dice", 0.05)
    words = {arm["arm"]: arm["word"] for arm in judged["arms"]}
    assert words["two"] == judged["word"] == "withheld" and words["one"] != "withheld"


def test_the_page_says_first_that_it_is_partial(collated):
    content = read_json(collated.page.parent / "report" / "content.json")
    (flags,) = (section["content"] for section in content["sections"] if section["name"] == "flags")
    assert flags["raised"][0]["name"] == "partial_results"
    assert content["title"].startswith("Partial results: ")
    assert "Withheld: the study is not complete." in collated.page.read_text()


def test_complete_tables_are_not_touched_and_the_record_says_partial(collated, made):
    assert not (made / "tables").exists() and not (made / "report.html").exists()
    assert read_json(collated.version / "provenance.json")["complete"] is False
    assert collate_partial(made).version == collated.version  # the same rows, the same version


def test_a_control_that_failed_withholds_the_verdict_of_its_arm(made, tmp_path, study):
    results = tmp_path / "results" / "s"
    shutil.copytree(made, results)
    for file in (results / "rows/scores").glob("*_one-repeated_*"):
        file.unlink()
    rows = read_version(collate_partial(results).version)
    judged = judge(records(rows[rows["subject"].isna()]), list(resolve_arms(study.arms).values()), "dice", 0.05)  # fmt: skip
    assert {arm["arm"]: arm["word"] for arm in judged["arms"]} == {"one": "withheld", "two": "withheld"}


def test_the_command_names_what_is_absent(made, capsys):
    assert main(["collate", "--partial", str(made)]) == 0
    said = capsys.readouterr().out
    assert f"rows/scores/{FAILED}.tsv: not trained" in said and "report.html" in said


def test_what_cannot_be_collated_is_one_line(tmp_path, study):
    with pytest.raises(SynthaugError, match="that snakemake started"):
        collate_partial(tmp_path)
    results = tmp_path / "results" / "s"
    write_json(results / "configuration.json", study.model_dump(mode="json", exclude={"report"}))
    with pytest.raises(SynthaugError, match="no result rows yet"):
        collate_partial(results)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "configuration.json").write_text(
        json.dumps(read_json(results / "configuration.json"))
    )
    with pytest.raises(SynthaugError, match="give results/s"):
        collate_partial(tmp_path / "other")
