"""The tiny study from raw data to the report, and what reruns when something changes."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml
from checkout import SECRET, add_painted_study, jobs_of
from checkout import TINY as STUDY
from requirements import require
from small_cluster import slurm_can_start, start_slurm

from synthaug.cli import main
from synthaug.core.artifacts import sha256_file
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.tasks.segmentation.pseudo_labels import LABELLED_BY

pytestmark = pytest.mark.workflow


@pytest.fixture
def results(tiny):
    return tiny.root / "results" / "tiny"


@pytest.fixture
def rows(results):
    version = json.loads((results / "tables" / "current.json").read_text())["version"]
    return pd.read_parquet(results / "tables" / version / "rows.parquet")


@pytest.mark.slurm
def test_it_ran_through_slurm_and_was_finished_without(request):
    """A generator, its cines and an arm's training, as on a cluster: every job submitted to a real single-node Slurm."""
    require("slurm", slurm_can_start(), "needs slurm-wlm and munge, and to be root to start them")
    tiny = request.getfixturevalue("tiny")
    through_slurm = (tiny.root / "slurm-run.log").read_text()
    jobs = jobs_of(through_slurm)
    assert jobs["train_model"] == 4 and jobs["synthesise_chunk"] == 2 and jobs["train_task"] == 1
    assert len(set(re.findall(r"SLURM jobid \d+", through_slurm))) == jobs["total"] > 15
    finished = jobs_of((tiny.root / "first-run.log").read_text())
    assert finished["train_task"] == 5  # the other arms
    assert not {"train_model", "synthesise_chunk", "harmonise", "pack_cohort", "plan_task"} & finished.keys()
    assert (tiny.root / "results" / "tiny" / "report.html").is_file()


@pytest.mark.slurm
def test_the_small_cluster_says_what_it_offers(capsys):
    require("slurm", slurm_can_start(), "needs slurm-wlm and munge, and to be root to start them")
    start_slurm()
    assert main(["slurm-check"]) == 0
    said = capsys.readouterr().out
    assert "partition main (default): 1 node" in said and "gpu:1, time limit none" in said
    assert "remembered for 300 s" in said and "\n  slurm_partition: main\n" in said


def test_every_job_left_a_history_and_each_stage_a_line(tiny):
    logs = set((tiny.root / "results" / "tiny" / "logs").rglob("*.log"))
    jobs = {log for log in logs if not log.name.endswith(".history.log")}
    assert len(jobs) > 50 and jobs == {log.with_name(log.name.replace(".history", "")) for log in logs - jobs}
    assert all(" attempt 1 started: host " in log.read_text().splitlines()[0] for log in jobs)
    said = (tiny.root / "first-run.log").read_text()
    assert re.search(r"^synthaug: train_task: all \d+ done; \d+ of \d+ jobs of this run", said, re.M)


def test_a_finished_study_has_nothing_to_do(tiny):
    assert tiny.would_run(STUDY) == {}


def test_nothing_of_the_users_environment_is_written(tiny, results):
    """Tokens, names and folders of `checkout.SECRETS`, which every job had: not in results, logs or Snakemake's records."""
    files = [
        file for root in (results, tiny.root / ".snakemake") for file in root.rglob("*") if file.is_file()
    ]
    assert len(files) > 500
    holding = [str(file) for file in files if SECRET in file.read_bytes()]
    assert not holding and not any(SECRET in log.read_bytes() for log in tiny.root.glob("*-run.log"))
    logs = [file for file in results.glob("logs/train_task/*.log") if not file.match("*.history.log")]
    assert logs and all("nnUNet_raw of the environment is not used" in log.read_text() for log in logs)


def test_the_tables_record_the_workflow_the_package_and_the_lock(tiny, results):
    version = next((results / "tables").glob("v*"))
    listed = set(pd.read_csv(version / "code_manifest.tsv", sep="\t")["file"])
    assert {"Snakefile", "workflow/rules/common.smk", "synthaug/runs.py"} <= listed
    lock = json.loads((version / "provenance.json").read_text())["lock_sha256"]
    assert lock == sha256_file(tiny.root / "envs" / "requirements.lock")


def test_the_report_is_one_file_without_network(results):
    page = (results / "report.html").read_text()
    assert len(page) > 50_000
    assert not re.search(r"""(?:src|href)\s*=\s*["']?https?:|@import|url\(\s*["']?https?:""", page)


def test_every_declared_measure_has_rows(rows):
    measured = set(rows["metric"])
    assert {
        "dice",
        "hd",
        "hd95",
        "assd",
        "edv_error_ml",
        "ef_error",
        "fid",
        "fid_reconstruction",
        "kid",
        "fvd_t",
        "fvd_s",
        "f4d",
        "fid_apical",
        "fvd_t_response",
        "fvd_t_control",
        "mask_agreement_dice",
        "mask_agreement_dice_real",
    } <= measured
    assert "acceptance_rate" in measured


def test_the_grid_is_measured_by_the_segmenter_alone(results, rows):
    grid = rows[rows["versus"].fillna("").str.contains("grid")]
    assert set(grid["versus"]) == {"segmenter, grid", "segmenter, grid beyond training range"}
    assert set(grid["n"]) == {4} and set(grid["generator_seed"]) == {0}  # two levels each, all of them ends
    assert grid.loc[grid["metric"] == "controllability_bias_lv_edv_ml", "status"].eq("ok").all()
    mass = grid[grid["structure"] == "MYO"]
    assert set(mass["note"]) == {"the generator is not conditioned on LV mass"}
    manifest = pd.read_csv(next((results / "tables").glob("v*/data_manifest.tsv")), sep="\t")
    assert "cascade/fold-0/generator-seed-0/condition-sweep" in set(manifest["name"])


def test_every_arm_and_control_was_scored_on_the_same_patients(rows):
    scores = rows[rows["metric"] == "dice"]
    patients = scores.groupby("arm")["subject"].agg(lambda subjects: " ".join(sorted(set(subjects))))
    assert {"real", "real-plus", "real-plus-repeated", "real-plus-classical", "synthetic-only"} <= set(
        patients.index
    )
    assert patients.nunique() == 1


def test_size_matched_controls_have_the_size_of_their_arm(results):
    counts = {
        folder.name: len(pd.read_csv(folder / "generator-seed-0" / "training-set" / "cases.tsv", sep="\t"))
        for folder in (results / "tasks" / "segmentation" / "fold-0" / "arms").iterdir()
    }
    assert (
        counts["real-plus"] == counts["real-plus-repeated"] == counts["real-plus-classical"] > counts["real"]
    )


def test_no_test_patient_was_seen_by_generator_or_segmenter(results):
    split = pd.read_csv(results / "splits" / "fold-0.tsv", sep="\t", dtype=str)
    tested = set(split.loc[split["role"].str.startswith("test"), "subject"])
    synthetic = Cohort.open(results / "synthetic" / "cascade" / "fold-0" / "generator-seed-0" / "cohort")
    assert tested and not tested & set(synthetic.meta["seen"])
    arms = results / "tasks" / "segmentation" / "fold-0" / "arms"
    for cases in arms.glob("*/generator-seed-0/training-set/cases.tsv"):
        assert not tested & set(pd.read_csv(cases, sep="\t", dtype=str)["subject"])


def test_one_nnunet_plan_for_all_arms(results):
    arms = (results / "tasks" / "segmentation" / "fold-0" / "arms").iterdir()
    plans = {next(arm.rglob("training-seed-0/model/plans.json")).read_text() for arm in arms}
    networks = {json.dumps(json.loads(plan)["configurations"], sort_keys=True) for plan in plans}
    assert len(networks) == 1


def test_another_training_seed_trains_that_seed_only(tiny):
    jobs = tiny.would_run(STUDY, "--config", 'tasks={"segmentation": {"training_seeds": [0, 1]}}')
    assert jobs["train_task"] == jobs["predict_test"] == jobs["score_predictions"] == 6  # arms
    assert jobs["validate_task"] == 6
    assert not {"train_model", "write_training_set", "predict_synthetic", "measure_controllability"} & set(
        jobs
    )


def test_without_postprocessing_predictions_run_again_and_nothing_trains(tiny):
    jobs = tiny.would_run(STUDY, "--config", 'tasks={"segmentation": {"postprocessing": "none"}}')
    assert jobs["predict_test"] == jobs["score_predictions"] == 6 and "predict_synthetic" in jobs
    assert not {"train_task", "validate_task", "write_training_set", "plan_task"} & set(jobs)


def test_an_edited_result_table_is_caught(tiny, results):
    version = json.loads((results / "tables" / "current.json").read_text())["version"]
    table = results / "tables" / version / "rows.csv"
    original = table.read_text()
    try:
        table.write_text(original.replace("0.", "0.9", 1))
        done = tiny.run(STUDY, "--forcerun", "collate_results", "--until", "collate_results", check=False)
        assert done.returncode != 0 and "rows.csv" in done.stderr
    finally:
        table.write_text(original)
        tiny.run(STUDY)


TRAINING = {"train_model", "harmonise", "split_subjects", "pack_cohort", "write_phantom"}


def test_a_sampler_setting_reruns_synthesis_but_no_training(tiny):
    generators = json.dumps({"cascade": {"anatomy_sampler": {"steps": 5}}})
    jobs = tiny.would_run(STUDY, "--config", f"generators={generators}")
    assert "synthesise_chunk" in jobs and not TRAINING & set(jobs)


def test_more_subjects_add_chunks(tiny):
    """Two chunks of three subjects are there, for the one generator that is sampled."""
    jobs = tiny.would_run(STUDY, "--config", 'synthesis={"subjects": 9}')
    assert jobs["plan_requests"] == jobs["synthesise_chunk"] == 1
    assert "train_model" not in jobs and jobs["gather_synthetic"] == 1
    # What rests on the cohort is made again: every arm but `real` takes cines of it, or matches those that one takes.
    assert jobs["train_task"] == 5 and "plan_task" not in jobs


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"synthesis": {"batch_size": 7}}, set()),
        ({"models": {"autoencoder": {"training": {"checkpoint_minutes": 7}}}}, set()),
        ({"synthesis": {"gate": {"minimum_accepted": 0.01}}}, {"check_acceptance"}),
    ],
    ids=["cines at once", "checkpoints", "least accepted share"],
)
def test_what_changes_no_cine_and_no_weights_makes_none_again(tiny, change, again):
    ((key, value),) = change.items()
    jobs = tiny.would_run(STUDY, "--config", f"{key}={json.dumps(value)}")
    assert again <= set(jobs) <= again | {"collate_results", "gather_content", "render_report", "all"}


def test_a_check_made_again_hides_nothing_that_is_pending_behind_it(tiny):
    """Reconstructions are checked again, nothing trains because of it, and all else that the key changes runs too."""
    jobs = tiny.would_run(STUDY, "--config", 'evaluation={"splits": 5}')
    assert {"check_reconstruction", "measure_controllability", "measure_distances"} <= set(jobs)
    assert not (TRAINING | {"synthesise_chunk"}) & set(jobs)


def test_the_report_template_reruns_the_report_only(tiny):
    template = tiny.root / "src" / "synthaug" / "report" / "report.html.j2"
    original = template.read_text()
    try:
        template.write_text(original + "<!-- -->")
        assert set(tiny.would_run(STUDY)) <= {"render_report", "all"}
        assert "render_report" in tiny.would_run(STUDY)
    finally:
        template.write_text(original)


@pytest.mark.parametrize(
    ("file", "reruns", "spares"),
    [
        ("tasks/segmentation/predict.py", "predict_test", "train_task"),
        ("measures/scoring.py", "score_predictions", "train_task"),
        ("diffusion/samplers.py", "synthesise_chunk", "harmonise"),
        ("statistics/comparisons.py", "compare_arms", "score_predictions"),
    ],
)
def test_editing_a_package_file_reruns_what_imports_it(tiny, file, reruns, spares):
    source = tiny.root / "src" / "synthaug" / file
    original = source.read_text()
    try:
        source.write_text(original + "\nEDITED = 1\n")
        jobs = tiny.would_run(STUDY)
        assert reruns in jobs and spares not in jobs
    finally:
        source.write_text(original)


def test_comments_and_docstrings_of_the_package_rerun_nothing(tiny):
    source = tiny.root / "src" / "synthaug" / "core" / "artifacts.py"  # which every job imports
    original = source.read_text()
    try:
        source.write_text(original.replace('"""', '"""Edited. ', 1) + "\n# edited\n")
        assert tiny.would_run(STUDY) == {}
    finally:
        source.write_text(original)


def test_a_checkout_that_was_moved_reruns_nothing(tiny):
    """Reached through a link, too, and with scripts that are newer than all results, as in a fresh clone."""
    elsewhere, link = tiny.root.with_name("moved"), tiny.root.with_name("link")
    tiny.root.rename(elsewhere)
    link.symlink_to(elsewhere, target_is_directory=True)
    try:
        assert replace(tiny, root=elsewhere).would_run(STUDY) == {}
        for script in (elsewhere / "workflow" / "scripts").iterdir():
            os.utime(script)
        assert replace(tiny, root=link).would_run(STUDY) == {}
    finally:
        link.unlink()
        elsewhere.rename(tiny.root)


def test_editing_a_generator_from_outside_runs_it_again(tiny):
    study = add_painted_study(tiny)
    cohort = "results/tiny/synthetic/painted/fold-0/generator-seed-0/cohort"
    tiny.run(study, cohort)
    assert tiny.would_run(study, cohort) == {}
    source = tiny.root / "painted_hearts.py"
    source.write_text(source.read_text() + "\nEDITED = 1\n")
    again = {"train_model", "describe_generator", "synthesise_chunk", "gather_synthetic"}
    assert set(tiny.would_run(study, cohort)) == again


def test_a_changed_arm_trains_that_arm_only(tiny):
    arms = json.dumps({"extra": {"generator": "cascade", "dose": 0.5, "controls": []}})
    jobs = tiny.would_run(STUDY, "--config", f"arms={arms}")
    assert jobs["train_task"] == 1 and not (TRAINING | {"synthesise_chunk"}) & set(jobs)


def test_a_variant_retrains_only_what_it_changes(tiny):
    models = json.dumps({"motion-b": {"inherits": "motion", "training": {"iterations": 3}}})
    generators = json.dumps({"cascade-b": {"inherits": "cascade", "models": {"motion": "motion-b"}}})
    arms = json.dumps({"b": {"generator": "cascade-b", "dose": 1.0, "controls": []}})
    jobs = tiny.would_run(STUDY, "--config", f"models={models}", f"generators={generators}", f"arms={arms}")
    assert jobs["train_model"] == 1 and jobs["train_task"] == 1


def write_without_masks(source: Path, target: Path) -> None:
    """The same synthetic cines as somebody would bring them who has no masks."""
    cohort = Cohort.open(source)
    rows = []
    for subject in cohort.subjects:
        write_subject(target / f"sub-{subject}", cohort.cine(subject), {}, cohort.spacing_mm)
        record = cohort.record(subject)
        rows.append({key: record[key] for key in ("subject", "dataset", "generator", "n_frames", "n_slices")})
    write_cohort(target, "bare", "synthetic", rows, cohort.spacing_mm, seen=cohort.meta["seen"])


def test_brought_in_volumes_go_through_the_whole_study(tiny, results):
    """Another folder's synthetic cohorts become arms with their controls: with masks, and labelled by a teacher."""
    made, brought, bare = (
        results / "synthetic" / "cascade" / "fold-0" / "generator-seed-0" / "cohort",
        tiny.root / "brought",
        tiny.root / "bare",
    )
    shutil.copytree(made, brought)
    write_without_masks(made, bare)
    study = yaml.safe_load((tiny.root / STUDY).read_text()) | {
        "name": "brought",
        "generators": {
            "mine": {"kind": "external", "folder": str(brought)},
            "bare": {"kind": "external", "folder": str(bare), "labels": "pseudo"},
        },
        "arms": {
            "real": {},
            "mine": {"generator": "mine", "dose": 0.5, "controls": ["repeated"]},
            "taught": {"generator": "bare", "dose": 0.5, "controls": []},
        },
    }
    study["tasks"]["segmentation"]["postprocessing"] = "none"  # four jobs fewer; the first study has it
    (tiny.root / "config" / "studies" / "brought.yaml").write_text(yaml.safe_dump(study))
    # What both studies make alike is not made twice.
    for part in ("raw", "cohorts", "splits", "stores"):
        shutil.copytree(results / part, tiny.root / "results" / "brought" / part)
    tiny.run("config/studies/brought.yaml")
    root = tiny.root / "results" / "brought"
    rows = pd.read_parquet(next((root / "tables").glob("v*/rows.parquet")))
    assert {"real", "mine", "mine-repeated", "taught"} == set(rows.loc[rows["metric"] == "dice", "arm"])
    assert {"mine", "bare"} <= set(rows.loc[rows["metric"] == "fvd_t", "generator"])
    page = (root / "report.html").read_text()
    assert "of the test set" in page and LABELLED_BY in page
    (labelled,) = (root / "synthetic" / "bare").glob("fold-*/generator-seed-*/labelled")
    taught = Cohort.open(labelled)
    assert taught.subjects == Cohort.open(bare).subjects
    assert all(len(taught.labelled_frames(subject)) == 6 for subject in taught.subjects)
    (next(brought.glob("sub-*")) / "cine.nii.gz").touch()  # as if written anew; the time of no folder changes
    again = tiny.would_run("config/studies/brought.yaml")
    assert again["bring_cohort"] == 1 and again["measure_distances"] == 1 and again["train_task"] == 2
