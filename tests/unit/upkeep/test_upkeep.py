"""What lies about in results is named in one line each; only what can be made again is ever removed."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.finished_study import arm_checkpoints, small_study, write_results

from synthaug.cli import main
from synthaug.core import leftovers
from synthaug.core.artifacts import checksum_of, read_json, write_json, write_text
from synthaug.core.folder_checksums import write_checksums
from synthaug.core.leftovers import DAYS, PARTIAL, owned_prefix
from synthaug.core.process_identity import this_process
from synthaug.jobs.checkpoints import clear_abandoned, save_checkpoint
from synthaug.jobs.finished import unfinished_folder
from synthaug.jobs.trained import keep_trained, trained_folder
from synthaug.runs import ArmRun, write_runs
from synthaug.tables.versions import write_current
from synthaug.upkeep.clean import size_of
from synthaug.upkeep.litter import abandoned_checkpoints
from synthaug.upkeep.locks import snakemakes_in
from synthaug.upkeep.study_results import find_studies

COHORT, STORE = "cohorts/blob", "stores/fold-0/train"
WEIGHTS = "models/features/fold-0/generator-seed-0/model.safetensors"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("written"))


@pytest.fixture
def folder(written, tmp_path):
    return Path(shutil.copytree(written, tmp_path / "results" / "small"))


def listed(folder: Path, *options: str) -> tuple[int, list[str]]:
    """Exit code and lines of the doctor, without those about runs that are still to be made."""
    code = main(["doctor", str(folder), *options])
    return code, [line for line in said() if not line.startswith("missing: ")]


_capture = []


@pytest.fixture(autouse=True)
def reader(capsys):
    _capture[:] = [capsys]


def said() -> list[str]:
    lines: list[str] = _capture[0].readouterr().out.splitlines()
    return lines


def all_files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def flip(path: Path) -> None:
    """Change the last byte."""
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def partial_of(folder: Path, **other: object) -> Path:
    """A partial file of a process that is this one but for some of its attributes."""
    here = replace(this_process(), **other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leftovers, "this_process", lambda: here)
        path = folder / f"{owned_prefix(PARTIAL, 'rows.tsv')}abc"
    path.write_text("half")
    return path


def grow_old(path: Path, days: float) -> None:
    then = time.time() - days * 86400
    for place in (*path.rglob("*"), path):
        os.utime(place, (then, then))


def test_a_study_in_training_has_no_fault_but_what_is_still_to_be_made(folder):
    assert main(["doctor", str(folder)]) == 0
    lines = said()
    assert lines and all(line.startswith("missing: ") and line.count("\n") == 0 for line in lines)
    assert any("of 1 runs of kind arm, 1 lack a file" in line for line in lines)
    before = all_files(folder)
    assert main(["doctor", str(folder.parent), "--fix"]) == 0 and all_files(folder) == before


@pytest.mark.parametrize(
    ("file", "gone"),
    [
        (f"{COHORT}/sub-blob-01/cine.nii.gz", COHORT),
        (f"{COHORT}/subjects.tsv", COHORT),
        (f"{STORE}/images.npy", STORE),
        (WEIGHTS, WEIGHTS),
        (f"{arm_checkpoints()}/aaaaaaaaaaaa/checkpoint-000000010.pt", None),
    ],
)
def test_what_differs_from_its_checksum_is_named_and_removed_on_request(folder, file, gone):
    flip(folder / file)
    code, lines = listed(folder)
    assert code == 1 and [line.startswith("damaged: ") for line in lines] == [True]
    assert Path(file).name in lines[0] and ";" in lines[0] and (folder / file).exists()
    code, lines = listed(folder, "--fix")
    assert code == 0 and f"removed: {folder / (gone or file)}" in lines and "run snakemake again" in lines[-1]
    assert not (folder / (gone or file)).exists()
    assert listed(folder)[0] == 0


@pytest.mark.parametrize(
    "file", ["splits/fold-0.tsv", "rows/scores/a.tsv", f"{STORE}/store.json", "cohorts/blob/cohort.json"]
)
@pytest.mark.parametrize("content", [b"", b"subject\tpat"])
def test_what_cannot_be_read_is_named_and_removed_on_request(folder, file, content):
    (folder / file).write_bytes(content)
    code, lines = listed(folder)
    assert code == 1 and any(Path(file).name in line for line in lines)
    assert listed(folder, "--fix")[0] == 0 and not (folder / file).exists()


@pytest.mark.parametrize(
    ("file", "gone"),
    [
        ("runs.tsv", "runs.tsv"),
        ("impressions/fold-0.tsv", "impressions/fold-0.tsv"),
        ("splits/duplicates.tsv", "splits/duplicates.tsv"),
        ("arms/real/fold-0/generator-seed-0/subjects.tsv", "arms/real/fold-0/generator-seed-0"),
        ("arms/real/fold-0/generator-seed-0/arm.json", "arms/real/fold-0/generator-seed-0"),
    ],
)
def test_tables_that_jobs_read_are_looked_at(folder, file, gone):
    write_runs(folder / "runs.tsv", [])
    for table in ("impressions/fold-0.tsv", "splits/duplicates.tsv"):
        write_text(folder / table, "subject\tsentence\n")
    write_text(folder / "arms/real/fold-0/generator-seed-0/subjects.tsv", "subject\trole\n")
    write_json(folder / "arms/real/fold-0/generator-seed-0/arm.json", {})
    assert listed(folder) == (0, [])
    (folder / file).write_bytes((folder / file).read_bytes()[:-1] if file.endswith(".tsv") else b"{")
    code, lines = listed(folder)
    assert code == 1 and len(lines) == 1 and str(folder / file) in lines[0]
    assert listed(folder, "--fix")[0] == 0 and not (folder / gone).exists()
    assert (folder / "splits/fold-0.tsv").is_file()


def test_a_split_without_all_its_subjects_is_damaged(folder):
    split = folder / "splits" / "fold-0.tsv"
    split.write_text("".join(split.read_text().splitlines(keepends=True)[:-1]))
    checksum_of(split).unlink()
    code, lines = listed(folder)
    assert code == 1 and "fold-0.tsv: lacks 1 of 4 subjects of blob" in lines[0]


@pytest.mark.parametrize("file", ["splits/fold-0.tsv", "rows/scores/a.tsv"])
def test_a_table_is_removed_with_its_checksum(folder, file):
    (folder / file).write_text(
        (folder / file).read_text().replace("blob-01", "blob-02").replace("0.9", "0.8")
    )
    code, lines = listed(folder)
    assert code == 1 and "its checksum differs" in lines[0] and (folder / file).exists()
    assert listed(folder, "--fix")[0] == 0
    assert not (folder / file).exists() and not checksum_of(folder / file).exists()


def test_a_training_set_that_differs_from_its_checksums_is_damaged(folder):
    training_set = folder / "tasks/segmentation/fold-0/arms/real/generator-seed-0/training-set"
    write_text(training_set / "nnUNetPlans_2d" / "a_f0.b2nd", "voxels\n")
    write_checksums(training_set)
    assert listed(folder) == (0, [])
    flip(training_set / "nnUNetPlans_2d" / "a_f0.b2nd")
    code, lines = listed(folder)
    assert code == 1 and "a_f0.b2nd: not what was written (its checksum differs)" in lines[0]
    assert listed(folder, "--fix")[0] == 0 and not training_set.exists()


def test_tables_raw_data_and_cohorts_without_their_raw_data_are_never_removed(folder):
    flip(folder / "tables" / "v001" / "rows.csv")
    flip(folder / COHORT / "sub-blob-00" / "cine.nii.gz")
    configuration = read_json(folder / "configuration.json")
    configuration["datasets"]["blob"] |= {"phantom": None, "root": "/nowhere"}
    write_json(folder / "configuration.json", configuration)
    (folder / "raw" / f"{PARTIAL}old").write_text("")
    grow_old(folder / "raw" / f"{PARTIAL}old", DAYS + 1)
    before = all_files(folder)
    partial_of(folder / "tables", pid=2**22 + 1)  # no version yet
    code, lines = listed(folder, "--fix")
    assert code == 1 and sum(line.startswith("damaged: ") for line in lines) == 2
    assert any("is raw data, a table, or lies outside" in line for line in lines)
    assert main(["clean", str(folder), "--yes"]) == 0
    assert all_files(folder) == before


def test_nothing_outside_the_results_is_removed(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (folder / "stores").rename(elsewhere)
    (folder / "stores").symlink_to(elsewhere)
    store = folder / "cohorts" / "blob" / "sub-blob-00" / "cine.nii.gz"
    (tmp_path / "cine.nii.gz").write_bytes(store.read_bytes())
    (folder / "rows" / "scores" / "b.tsv").symlink_to(elsewhere / "fold-0" / "train" / "store.json")
    before = all_files(elsewhere)
    main(["doctor", str(folder), "--fix"])
    assert all_files(elsewhere) == before


def test_partials_of_the_dead_are_orphans_and_those_of_the_living_are_not_mentioned(folder):
    dead = partial_of(folder / "rows", pid=2**22 + 1)
    partial_of(folder / "rows")
    away = partial_of(folder / "splits", host="another-host")
    code, lines = listed(folder)
    assert code == 0 and len(lines) == 2 and all(line.startswith("orphaned: ") for line in lines)
    assert any("process 4194305" in line for line in lines)
    assert any("on another-host" in line and "still being written" in line for line in lines)
    code, lines = listed(folder, "--fix")
    assert f"removed: {dead}" in lines and not dead.exists() and away.exists()
    grow_old(away, DAYS + 1)
    assert main(["clean", str(folder)]) == 0
    shown = said()
    assert "4 B" in shown[0] and away.name in shown[0] and "--yes removes it" in shown[-1] and away.exists()
    assert main(["clean", str(folder), "--yes"]) == 0 and not away.exists()


def abandoned(folder: Path) -> list[str]:
    """Why each thing can go that `synthaug clean` shows."""
    said()
    main(["clean", str(folder)])
    return [line.split(": ", 1)[1] for line in said()[:-1]]


def test_checkpoints_are_abandoned_by_newer_settings_a_finished_training_or_another_study(folder):
    own = folder / arm_checkpoints()
    assert abandoned(folder) == []
    save_checkpoint(own / "bbbbbbbbbbbb", 3, {"identity": {}})
    grow_old(own / "aaaaaaaaaaaa", 1)
    assert abandoned(folder) == ["of other settings than the newer checkpoints beside it"]
    write_json(own / "aaaaaaaaaaaa" / "lease.json", this_process().as_json())  # a training is at work there
    main(["clean", str(folder)])
    assert ["bbbbbbbbbbbb" in line for line in said()[:-1]] == [True]
    code, lines = listed(folder)
    assert code == 0 and any("aaaaaaaaaaaa: a training is at work here" in line for line in lines)
    dead = replace(this_process(), pid=2**22 + 1)
    write_json(own / "aaaaaaaaaaaa" / "lease.json", dead.as_json())
    assert not any("at work" in line for line in listed(folder)[1])
    (own / "aaaaaaaaaaaa" / "lease.json").unlink()
    finished = folder / "tasks/segmentation/fold-0/arms/real/generator-seed-0/training-seed-0/model"
    write_json(finished / "training.json", {"kind": "segmentation"})
    assert abandoned(folder) == ["its training finished"] * 2
    save_checkpoint(
        folder / "checkpoints/models/fold-0_generator_seed-7_model-gone/cccc", 3, {"identity": {}}
    )
    assert "the study has no such training any more" in abandoned(folder)
    assert main(["clean", str(folder), "--yes"]) == 0
    assert not list(folder.glob("checkpoints/*/*"))
    assert abandoned(folder) == []


def test_kept_trainings_are_abandoned_by_another_study_alone(folder, monkeypatch):
    monkeypatch.chdir(folder.parents[1])
    arm = Path("results/small/tasks/segmentation/fold-0/arms/real/generator-seed-0/training-seed-0/model")
    for output in (arm, arm.parents[1] / "training-seed-7" / "model"):
        write_json(output / "training.json", {})
        keep_trained(output, {})
    gone = trained_folder(arm.parents[1] / "training-seed-7" / "model")
    (study,) = find_studies(Path("results"))
    found = [path for path, _ in abandoned_checkpoints(study) if "trained" in path.parts]
    assert found == [gone]
    main(["clean", "results/small", "--yes"])
    assert not gone.exists() and trained_folder(arm).exists()


def test_a_starting_training_clears_checkpoints_of_settings_that_are_long_gone(tmp_path, capsys):
    for name in ("now", "before", "long-before"):
        save_checkpoint(tmp_path / name, 3, {"identity": {}})
    grow_old(tmp_path / "long-before", DAYS + 1)
    grow_old(tmp_path / "now", DAYS + 1)
    clear_abandoned(tmp_path / "now")
    assert {path.name for path in tmp_path.iterdir()} == {"now", "before"}
    assert "long-before: removed, checkpoints of other settings" in capsys.readouterr().err


def test_locks_say_who_holds_them_and_keep_damaged_outputs(folder, tmp_path):
    lock = tmp_path / ".snakemake" / "locks" / "0.output.lock"
    write_text(lock, "results/other/a.tsv\n")
    assert listed(folder)[1] == []
    write_text(lock, "results/small/rows/a.tsv\nresults/small/rows/b.tsv\n")
    flip(folder / WEIGHTS)
    code, lines = listed(folder, "--fix")
    locked = next(line for line in lines if line.startswith("locked: "))
    assert "2 outputs" in locked and "snakemake --unlock" in locked and "by no Snakemake of" in locked
    assert code == 1 and f"kept: {folder / WEIGHTS}: the study is locked" in lines
    # Results on another disk, linked into the checkout: the locks are those of the checkout.
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "results").symlink_to(folder.parent)
    (tmp_path / ".snakemake").rename(tmp_path / "checkout" / ".snakemake")
    _, lines = listed(tmp_path / "checkout" / "results" / folder.name)
    assert any(line.startswith("locked: ") for line in lines)
    assert os.getpid() not in snakemakes_in(tmp_path)


def test_weights_and_tables_of_what_is_no_more_are_stale(folder):
    configuration = read_json(folder / "configuration.json")
    configuration["split"]["seed"] = 4
    write_json(folder / "configuration.json", configuration)
    code, lines = listed(folder)
    assert code == 0
    assert len(lines) == 1 and lines[0].startswith("stale: ") and "split.seed: 0 before, 4 now" in lines[0]


def test_a_configuration_with_the_same_rows_is_not_stale(folder):
    configuration = read_json(folder / "configuration.json")
    configuration["split"]["seed"] = 4
    write_json(folder / "configuration.json", configuration)
    write_current(folder / "tables" / "current.json", "v001", configuration)
    assert listed(folder)[1] == []


def test_a_model_named_model_loses_the_damaged_training_alone(folder):
    for fold in (0, 1):
        source = folder / "models/features/fold-0/generator-seed-0"
        shutil.copytree(source, folder / f"models/model/fold-{fold}/generator-seed-0")
    flip(folder / "models/model/fold-1/generator-seed-0/model.safetensors")
    listed(folder, "--fix")
    assert (folder / "models/model/fold-0/generator-seed-0/model.safetensors").is_file()
    assert not (folder / "models/model/fold-1/generator-seed-0/model.safetensors").exists()


def test_a_task_and_an_arm_named_model_lose_the_damaged_training_alone(folder):
    models = [
        folder / ArmRun("model", "model", 0, 0, training_seed).folder / "model" for training_seed in (0, 1)
    ]
    for model in models:
        write_text(model / "training.json", "{}")
    write_text(models[1] / "fold-0/training.json", "{")
    listed(folder, "--fix")
    assert models[0].is_dir() and models[1].parent.is_dir() and not models[1].exists()


def test_logs_go_only_on_request_and_only_those_of_trainings_the_study_lost(folder):
    run = "features_fold-0_generator-seed-0"
    for name in (run, "gone_fold-0_generator-seed-0"):
        for kind in ("log", "history.log"):
            write_text(folder / "logs" / "train_model" / f"{name}.{kind}", "log\n")
    assert abandoned(folder) == []
    assert main(["clean", str(folder), "--logs", "--yes"]) == 0
    left = {path.name for path in (folder / "logs" / "train_model").iterdir()}
    assert left == {f"{run}.log", f"{run}.history.log"}


def test_what_is_no_results_folder_is_one_line(tmp_path, capsys):
    for command in ("doctor", "clean"):
        assert main([command, str(tmp_path)]) == 1
        assert "holds no results of a study" in capsys.readouterr().err


def test_results_of_a_configuration_that_cannot_be_read_are_looked_at_all_the_same(folder):
    (folder / "configuration.json").write_text(json.dumps(small_study().model_dump(mode="json"))[:50])
    flip(folder / WEIGHTS)
    code, lines = listed(folder)
    assert code == 1 and "model.safetensors" in lines[0]


def test_finished_subjects_are_abandoned_by_their_output_and_by_newer_settings(folder):
    output = folder / "features/study/fold-0/real.npz"
    output.unlink(missing_ok=True)
    job = unfinished_folder(Path("results/small/features/study/fold-0/real.npz"), "settings")
    kept = folder / Path(*job.parts[2:])
    write_json(kept / "c0ffee" / "p-1" / "done.json", {})
    assert abandoned(folder) == []  # its job was killed, and goes on there
    shutil.copytree(kept, kept.with_name("0123456789ab"))
    grow_old(kept, 1)
    assert abandoned(folder) == ["of other settings than the newer one beside it"]
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(b"")
    assert abandoned(folder) == ["its output is finished"] * 2


def test_gathered_parts_go_only_on_request_and_not_while_a_run_may_need_them(folder):
    places = (
        "features/study/fold-0/g_generator-seed-0{}.npz",
        "tasks/s/fold-0/synthetic/g_generator-seed-0{}/a.nii.gz",
        "phenotypes/g_fold-0_generator-seed-0{}.tsv",
    )
    files = {part: [folder / place.format(part) for place in places] for part in ("", "_part-0", "_part-10")}
    for file in (file for part in ("_part-0", "_part-10", "") for file in files[part]):
        write_text(file, "x")
        time.sleep(0.01)  # the whole is gathered after its parts
    waiting = folder / "synthetic/g/fold-0/generator-seed-0/labelled_part-0/subjects.tsv"
    write_text(waiting, "x")
    newer = folder / "features/study/fold-0/g_generator-seed-0_part-11.npz"  # more subjects, not gathered yet
    write_text(newer, "x")
    assert main(["clean", str(folder), "--yes"]) == 0 and files["_part-0"][0].exists()
    lock = folder.parent.parent / ".snakemake/locks/0.output.lock"
    write_text(lock, f"results/{folder.name}/report.html\n")
    assert main(["clean", str(folder), "--parts", "--yes"]) == 0 and files["_part-0"][0].exists()
    lock.unlink()
    assert main(["clean", str(folder), "--parts", "--yes"]) == 0
    assert all(file.exists() for file in [*files[""], waiting, newer])
    assert not any(file.exists() for part in ("_part-0", "_part-10") for file in files[part])
    assert any("is gathered in g_generator-seed-0.npz; more subjects" in line for line in said())


def test_subjects_of_a_part_that_the_study_has_no_longer_are_abandoned(folder):
    job = unfinished_folder(
        Path("results/small/features/study/fold-0/g_generator-seed-0_part-3.npz"), "settings"
    )
    write_json(folder / Path(*job.parts[2:]) / "c0ffee" / "p-1" / "done.json", {})
    assert abandoned(folder) == ["the study has no such part any more"]


def test_a_file_with_another_name_keeps_its_disk(tmp_path):
    write_text(tmp_path / "part/a", "12345")
    write_text(tmp_path / "part/b", "123")
    (tmp_path / "whole").hardlink_to(tmp_path / "part/a")
    assert size_of(tmp_path / "part") == 3
