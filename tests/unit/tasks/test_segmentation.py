"""The nnU-Net bridge on made-up hearts: arms, one plan, repeatable training, prediction."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch
from arm_cohorts import split_of, subjects_of_arm
from made_hearts import ES, FRAMES, SPACING, heart, made_cohort
from pydantic import ValidationError
from safetensors.numpy import load_file

from synthaug.cli import main
from synthaug.config.arms import Arm
from synthaug.config.tasks import SegmentationSettings
from synthaug.core.artifacts import read_json, sha256_file, write_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.data.native_grid import NativeGrid, write_native
from synthaug.generators.external import bring_cohort
from synthaug.jobs.interruption import INTERRUPTED
from synthaug.measures.measurement import Measurement
from synthaug.measures.scoring import score_predictions
from synthaug.runs import ListedRun
from synthaug.tables.manifest import data_manifest
from synthaug.tasks.classical_augmentation import augment
from synthaug.tasks.segmentation.cases import frames_of, read_cases, read_volume, write_volume
from synthaug.tasks.segmentation.determine_postprocessing import determine_postprocessing
from synthaug.tasks.segmentation.export import export_nnunet_model
from synthaug.tasks.segmentation.plan import make_plan
from synthaug.tasks.segmentation.postprocessing import Postprocessing
from synthaug.tasks.segmentation.predict import Segmenter, predict_cohort
from synthaug.tasks.segmentation.preprocess import preprocess_dataset
from synthaug.tasks.segmentation.pseudo_labels import LABELLED_BY, label_cohort
from synthaug.tasks.segmentation.train import train_segmenter
from synthaug.tasks.segmentation.training_set import write_raw_dataset
from synthaug.tasks.segmentation.validate import validate_segmenter
from synthaug.tasks.segmentation.workspace import DATASET, nnunet_workspace
from synthaug.tasks.training_subjects import choose_training_subjects, select_synthetic

SETTINGS = SegmentationSettings(
    iterations=48,
    epoch_iterations=16,
    validation_iterations=2,
    batch_size=8,
    base_features=4,
    learning_rate=0.1,
    momentum=0.9,
)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Cohorts, a real+synthetic arm, its plan, its preprocessed data and its trained segmenter."""
    root = tmp_path_factory.mktemp("study")
    parts = {
        "root": root,
        "real": made_cohort(root / "real", "real", 4),
        "validation": made_cohort(root / "validation", "checked", 2),
        "test": made_cohort(root / "test", "unseen", 2),
        "synthetic": made_cohort(root / "synthetic", "made", 3, "synthetic", seen=["real-00"]),
    }
    write_raw_dataset(root / "arm", subjects_of_arm(parts["real"], parts["validation"], parts["synthetic"]))
    make_plan(root / "arm", root / "plan", SETTINGS)
    preprocess_dataset(root / "arm", root / "plan", root / "preprocessed", ["2d"])
    train_segmenter(root / "preprocessed", root / "model", root / "checkpoints", SETTINGS, training_seed=0)
    return parts


def control(study: dict, folder: Path, kind: str, count: int, seed: int = 0) -> pd.DataFrame:
    """Cases of a control with this many copied cases: half as many subjects are matched."""
    matched = made_cohort(folder.with_name(f"matched-{count}"), f"m{count}", count // 2, "synthetic")
    kept = dict.fromkeys(matched.subjects, "0,2")
    matched.table["labelled_frames"] = pd.Series(kept, dtype="string")
    write_raw_dataset(folder, subjects_of_arm(study["real"], study["validation"], matched, kind, seed=seed))
    return read_cases(folder)


def count_cases(dataset: Path, source: str) -> int:
    cases = read_cases(dataset)
    return int(((cases["source"] == source) & (cases["role"] == "train")).sum())


# --- arms ---------------------------------------------------------------------------------------


def test_cases_are_3d_ed_and_es_frames_with_spacing(study: dict) -> None:
    image = nib.load(study["root"] / "arm/imagesTr/real-01_f2_0000.nii.gz")
    assert image.shape == (32, 32, 5)
    assert image.header.get_zooms() == SPACING[::-1]
    cine = study["real"].cine("real-01")
    np.testing.assert_array_equal(
        read_volume(study["root"] / "arm/imagesTr/real-01_f2_0000.nii.gz"), cine[ES]
    )
    cases = read_cases(study["root"] / "arm")
    assert set(cases.loc[cases["source"] == "real", "frame"]) == {0, ES}


def test_patients_stay_together_and_validation_is_real(study: dict) -> None:
    split = read_json(study["root"] / "arm/splits_final.json")[0]
    training, validation = ({case.split("_f")[0] for case in split[part]} for part in ("train", "val"))
    assert training == {*study["real"].subjects, *study["synthetic"].subjects}
    assert validation == set(study["validation"].subjects)
    assert len(split["val"]) == 2 * len(validation)


def test_all_frames_of_synthetic_subjects(study: dict, tmp_path: Path) -> None:
    synthetic_only = subjects_of_arm(study["real"], study["validation"], study["synthetic"], share=0.0)
    write_raw_dataset(tmp_path / "arm", synthetic_only, frames="all")
    assert count_cases(tmp_path / "arm", "synthetic") == 3 * FRAMES
    assert count_cases(tmp_path / "arm", "real") == 0


@pytest.mark.parametrize("kind", ["repeated", "classical"])
def test_controls_have_the_size_of_their_arm(study: dict, tmp_path: Path, kind: str) -> None:
    extra = count_cases(study["root"] / "arm", "synthetic")
    cases = control(study, tmp_path / "control", kind, extra)
    assert extra == 6
    assert len(cases) == len(read_cases(study["root"] / "arm"))
    assert count_cases(tmp_path / "control", kind) == extra


def test_repeated_cases_are_copies_of_every_patient_in_turn(study: dict, tmp_path: Path) -> None:
    cases = control(study, tmp_path / "control", "repeated", 12)
    originals = cases[cases["source"] == "real"].set_index("case")
    repeated = cases[cases["source"] == "repeated"]
    for _, row in repeated.iterrows():
        original = originals.loc[row["case"].rsplit("_", 1)[0]]
        assert row["image_sha256"] == original["image_sha256"]
        assert row["labels_sha256"] == original["labels_sha256"]
    assert list(repeated["frame"]) == [0, ES] * 6
    assert sorted(repeated["subject"][:8]) == sorted(
        [*study["real"].subjects] * 2
    )  # all once before any twice


def test_classical_copies_differ_but_keep_their_anatomy(study: dict, tmp_path: Path) -> None:
    cases = control(study, tmp_path / "control", "classical", 12)
    assert cases["image_sha256"].is_unique
    for _, row in cases[cases["source"] == "classical"].iterrows():
        copy = read_volume(tmp_path / f"control/labelsTr/{row['case']}.nii.gz")
        original = study["real"].label_cine(row["subject"])[row["frame"]]
        for label in (1, 2, 3):
            assert (
                0.7 < (copy == label).sum() / (original == label).sum() < 1.4
            )  # scaling alone: 0.81 to 1.21


def test_controls_depend_on_their_seed_only(study: dict, tmp_path: Path) -> None:
    first, again, other = (
        control(study, tmp_path / name, "classical", 4, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    pd.testing.assert_frame_equal(first, again)
    assert not set(first["image_sha256"][8:12]) & set(other["image_sha256"][8:12])


def test_augmentation_moves_image_and_labels_alike() -> None:
    cine, labels = heart(3)
    for seed in range(5):
        image, moved = augment(cine[0], labels[0], np.random.default_rng(seed))
        assert image.dtype == np.float32
        assert image.min() >= 0
        assert image.max() <= 1
        assert image[moved == 1].mean() > image[moved == 2].mean() > image[moved == 0].mean()


def test_leaks_are_refused(study: dict) -> None:
    real, validation, synthetic = study["real"], study["validation"], study["synthetic"]
    twice = pd.concat([split_of({"real-01": "train"}), split_of({"real-01": "validation"})])
    with pytest.raises(SynthaugError, match="real-01: is trained on and validated"):
        choose_training_subjects(Arm("arm", 1.0, None, 0.0), real, twice)
    with pytest.raises(SynthaugError, match="generator saw real-00, which is tested"):
        subjects_of_arm(real, validation, synthetic, share=0.0, tested=("real-00",))
    with pytest.raises(SynthaugError, match="generator saw real-00, which is validated"):
        subjects_of_arm(validation, real.select(["real-00"]), synthetic, share=0.0)


def test_an_arm_without_cases_is_refused(study: dict, tmp_path: Path) -> None:
    real, validation = study["real"], study["validation"]
    with pytest.raises(SynthaugError, match="no labelled training case"):
        write_raw_dataset(tmp_path / "arm", subjects_of_arm(real.select([]), validation))
    with pytest.raises(SynthaugError, match="no labelled validation case"):
        write_raw_dataset(tmp_path / "arm", subjects_of_arm(real, validation.select([])))
    assert not any(tmp_path.iterdir())


def test_cases_nnunet_cannot_use_are_refused(study: dict, tmp_path: Path) -> None:
    cine, labels = heart(1)
    row = {"subject": "s-1", "ed_frame": 0, "labelled_frames": "0", "n_frames": FRAMES}
    broken = {
        "black": (np.where(np.arange(FRAMES)[:, None, None, None], cine, 0), {0: labels[0]}, SPACING),
        "label 7": (cine, {0: np.full_like(labels[0], 7)}, SPACING),
        "spacing": (cine, {0: labels[0]}, (9.0, 2.0, 1.5)),
    }
    for problem, (image, masks, spacing) in broken.items():
        write_subject(tmp_path / "cohort/sub-s-1", image, masks, spacing)
        write_cohort(tmp_path / "cohort", "cohort", "synthetic", [row], spacing)
        with pytest.raises(SynthaugError, match=problem):
            made = Cohort.open(tmp_path / "cohort")
            write_raw_dataset(
                tmp_path / "arm", subjects_of_arm(study["real"], study["validation"], made, share=0.0)
            )
    assert not (tmp_path / "arm").exists()


def test_a_larger_dose_contains_a_smaller_one(study: dict) -> None:
    assert select_synthetic(study["synthetic"], 0.5, 4).subjects == ["made-00", "made-01"]
    assert select_synthetic(study["synthetic"], 0.75, 4).subjects == ["made-00", "made-01", "made-02"]
    with pytest.raises(SynthaugError, match="asks for 4 synthetic subjects, there are 3"):
        select_synthetic(study["synthetic"], 1.0, 4)


def test_refused_copies_are_not_taken(study: dict) -> None:
    assert select_synthetic(study["synthetic"], 0.5, 4, ["made-00"]).subjects == ["made-01", "made-02"]
    with pytest.raises(SynthaugError, match="there are 2 after 1 copies were left out"):
        select_synthetic(study["synthetic"], 0.75, 4, ["made-00"])


def test_synthetic_subjects_without_labels_are_refused(study: dict, tmp_path: Path) -> None:
    cohort = study["synthetic"].select(["made-00", "made-01"])
    cohort.table.loc["made-01", "labelled_frames"] = None
    assert select_synthetic(cohort, 0.5, 4).subjects == ["made-00", "made-01"]  # other tasks read no masks
    arm = subjects_of_arm(study["real"], study["validation"], cohort)
    with pytest.raises(SynthaugError, match="1 of 2 synthetic subjects have no labels, the first is made-01"):
        write_raw_dataset(tmp_path / "arm", arm)
    assert not (tmp_path / "arm").exists()


def test_an_unknown_es_frame_leaves_ed(study: dict) -> None:
    cohort = study["real"].select(["real-00"])
    cohort.table["es_frame"] = float("nan")
    assert frames_of(cohort, "real-00", "ed_es") == [0]
    assert frames_of(cohort, "real-00", "all") == [0, 1, 2, 3]


# --- plan and preprocessing ---------------------------------------------------------------------


def test_every_arm_gives_and_gets_the_same_plan(study: dict, tmp_path: Path) -> None:
    control(study, tmp_path / "control", "repeated", 6)
    make_plan(tmp_path / "control", tmp_path / "plan", SETTINGS)
    plan = (study["root"] / "plan/nnUNetPlans.json").read_bytes()
    assert (tmp_path / "plan/nnUNetPlans.json").read_bytes() == plan
    preprocess_dataset(
        tmp_path / "control", study["root"] / "plan", tmp_path / "preprocessed", ["2d"], threads=2
    )
    assert (tmp_path / "preprocessed/nnUNetPlans.json").read_bytes() == plan
    assert (study["root"] / "preprocessed/nnUNetPlans.json").read_bytes() == plan
    configuration = read_json(tmp_path / "plan/nnUNetPlans.json")["configurations"]["2d"]
    assert configuration["batch_size"] == 8
    assert configuration["architecture"]["arch_kwargs"]["features_per_stage"][:2] == [4, 8]


def test_slices_are_along_the_first_axis_however_thin_they_are(tmp_path: Path) -> None:
    """One slice of 1 mm with pixels of 1.5 mm: a plan along the coarsest axis had patches of 1 x 32 voxels."""
    cohorts, spacing = [], (1.0, 1.5, 1.5)
    for name in ("real", "checked"):
        cine, labels = heart(len(name), slices=1)
        write_subject(tmp_path / f"{name}/sub-{name}-00", cine, {0: labels[0]}, spacing)
        about = {"ed_frame": 0, "labelled_frames": "0", "n_frames": FRAMES, "n_slices": 1}
        write_cohort(tmp_path / name, name, "real", [{"subject": f"{name}-00", **about}], spacing)
        cohorts.append(Cohort.open(tmp_path / name))
    write_raw_dataset(tmp_path / "arm", subjects_of_arm(*cohorts))
    make_plan(tmp_path / "arm", tmp_path / "plan", SETTINGS)
    plans = read_json(tmp_path / "plan/nnUNetPlans.json")
    assert plans["transpose_forward"] == [0, 1, 2] and plans["configurations"]["2d"]["patch_size"] == [32, 32]


def test_a_plan_needs_real_cases(study: dict, tmp_path: Path) -> None:
    synthetic_only = subjects_of_arm(study["real"], study["validation"], study["synthetic"], share=0.0)
    write_raw_dataset(tmp_path / "arm", synthetic_only)
    with pytest.raises(SynthaugError, match="no real training case"):
        make_plan(tmp_path / "arm", tmp_path / "plan", SETTINGS)


def test_the_workspace_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("nnUNet_raw", "/before")
    monkeypatch.delenv("nnUNet_results", raising=False)
    with nnunet_workspace(3, raw=tmp_path) as workspace:
        inside = dict(os.environ)
        assert (Path(inside["nnUNet_raw"]) / DATASET).resolve() == tmp_path.resolve()
        assert inside["nnUNet_def_n_proc"] == "3"
    after = dict(os.environ)
    assert after["nnUNet_raw"] == "/before"
    assert "nnUNet_results" not in after
    assert not workspace.exists()
    assert tmp_path.exists()


def test_switches_of_the_shell_do_not_count(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    for name, value in {
        "nnUNet_compile": "t",
        "nnUNet_extTrainer": "/x",
        "nnUNet_wandb_enabled": "1",
        "nnUNet_n_proc_DA": "no number",
    }.items():
        monkeypatch.setenv(name, value)
    with nnunet_workspace(2):
        inside = dict(os.environ)
    assert "nnUNet_extTrainer" not in inside and inside["nnUNet_compile"] == "false"
    assert inside["nnUNet_wandb_enabled"] == "0" and inside["nnUNet_n_proc_DA"] == "2"
    assert dict(os.environ)["nnUNet_compile"] == "t"
    said = capsys.readouterr().out
    assert "nnUNet_compile of the environment is not used" in said and said.count("\n") == 4
    assert "/x" not in said and "no number" not in said  # what a value may be, only its user knows
    with nnunet_workspace(2, compiled=True):
        assert dict(os.environ)["nnUNet_compile"] == "true"


# --- training -----------------------------------------------------------------------------------


def test_the_record_tells_what_was_trained(study: dict) -> None:
    record = read_json(study["root"] / "model/training.json")
    sources = {"real": 8, "synthetic": 6, "repeated": 0, "classical": 0, "extra-real": 0}
    assert record["cases"] == {**sources, "validation": 4}
    assert record["validation_subjects"] == study["validation"].subjects
    assert record["expected_real_exposure"] == pytest.approx(8 / 14)
    assert sum(record["draws"].values()) == 48 * 8
    assert record["real_exposure"] == record["draws"]["real"] / (48 * 8)
    assert record["real_exposure"] == pytest.approx(8 / 14, abs=0.1)  # four standard deviations
    assert record["plan_sha256"] == sha256_file(study["root"] / "plan/nnUNetPlans.json")
    assert record["cases_sha256"] == sha256_file(study["root"] / "arm/cases.tsv")
    assert set(record["seen"]) == set(read_cases(study["root"] / "arm").query("source == 'real'")["subject"])
    assert (record["iterations"], record["epochs"], record["batch_size"], record["training_seed"]) == (
        48,
        3,
        8,
        0,
    )
    history = pd.read_csv(study["root"] / "model/history.csv")
    assert list(history["iteration"]) == [16, 32, 48]
    assert history["learning_rate"].iloc[0] == pytest.approx(0.1)
    assert history["learning_rate"].is_monotonic_decreasing
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0]
    assert not list(study["root"].glob("checkpoints/*"))


def test_killed_here_resumes_there(study: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthaug.tasks.segmentation.trainer import StudyTrainer

    with monkeypatch.context() as patch:
        step = StudyTrainer.train_step
        calls: list[int] = []

        def preempted(self: StudyTrainer, batch: dict) -> dict:
            calls.append(self.current_epoch)
            if len(calls) == 24:  # in the middle of the second epoch
                os.kill(os.getpid(), signal.SIGTERM)
            return step(self, batch)

        patch.setattr(StudyTrainer, "train_step", preempted)
        with pytest.raises(SystemExit) as stopped:
            train_segmenter(
                study["root"] / "preprocessed",
                tmp_path / "model",
                tmp_path / "checkpoints",
                SETTINGS,
                training_seed=0,
            )
    assert stopped.value.code == INTERRUPTED
    assert not (tmp_path / "model").exists()
    assert len(list((tmp_path / "checkpoints").glob("*.pt"))) == 1

    train_segmenter(
        study["root"] / "preprocessed",
        tmp_path / "model",
        tmp_path / "checkpoints",
        SETTINGS,
        training_seed=0,
    )
    uninterrupted, resumed = study["root"] / "model/model.safetensors", tmp_path / "model/model.safetensors"
    assert resumed.read_bytes() == uninterrupted.read_bytes()
    assert len(pd.read_csv(tmp_path / "model/history.csv")) == 3


def test_a_hard_kill_loses_only_the_minutes_since_the_last_checkpoint(
    study: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Epochs of six minutes, saved every ten: after the second one, not after the first."""
    from synthaug.tasks.segmentation.trainer import StudyTrainer

    clock, start = {"seconds": 0.0}, StudyTrainer.on_epoch_start

    def slow(self: StudyTrainer) -> None:
        if self.current_epoch == 2 and clock["seconds"] < 1000:
            raise KeyError("killed")
        clock["seconds"] += 360
        start(self)

    monkeypatch.setattr(StudyTrainer, "on_epoch_start", slow)
    monkeypatch.setattr("synthaug.jobs.checkpoint_times.monotonic", lambda: clock["seconds"])
    arguments = (study["root"] / "preprocessed", tmp_path / "model", tmp_path / "checkpoints", SETTINGS, 0)
    with pytest.raises(KeyError):
        train_segmenter(*arguments)
    assert [path.stem[-1] for path in tmp_path.glob("checkpoints/*.pt")] == ["2"]
    clock["seconds"] = 1000
    train_segmenter(*arguments)
    assert read_json(tmp_path / "model/training.json")["resumed_at"] == [2]
    uninterrupted, resumed = study["root"] / "model/model.safetensors", tmp_path / "model/model.safetensors"
    assert resumed.read_bytes() == uninterrupted.read_bytes()


def test_a_checkpoint_of_other_cases_or_other_code_is_not_resumed(
    study: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Looked(Exception):
        """Carries what a checkpoint must be of."""

    def look(folder: Path, identity: dict) -> None:
        raise Looked(identity)

    monkeypatch.setattr("synthaug.tasks.segmentation.train.load_checkpoint", look)

    def identity(preprocessed: Path) -> dict:
        with pytest.raises(Looked) as looked:
            train_segmenter(preprocessed, tmp_path / "model", tmp_path / "checkpoints", SETTINGS, 0)
        return looked.value.args[0]

    first = identity(study["root"] / "preprocessed")
    other = shutil.copytree(study["root"] / "preprocessed", tmp_path / "preprocessed")
    assert identity(other) == first
    cases = (other / "cases.tsv").read_text()
    hashed = read_cases(other)["image_sha256"].iloc[0]
    (other / "cases.tsv").write_text(cases.replace(hashed, "0" * 64, 1))  # the image of one case
    found = identity(other)
    assert found["code"] == first["code"] and found != first
    (other / "cases.tsv").write_text(cases)
    monkeypatch.setattr("synthaug.tasks.segmentation.train.package_code", lambda modules: "edited")
    assert {name for name, value in identity(other).items() if value != first[name]} == {"code"}


def test_another_seed_gives_other_weights_and_3d_works(study: dict, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(
        update={"configuration": "3d_fullres", "iterations": 1, "epoch_iterations": 1, "batch_size": 2}
    )
    make_plan(study["root"] / "arm", tmp_path / "plan", settings)
    preprocess_dataset(study["root"] / "arm", tmp_path / "plan", tmp_path / "preprocessed", ["3d_fullres"])
    for seed in (0, 1):
        train_segmenter(
            tmp_path / "preprocessed",
            tmp_path / f"model-{seed}",
            tmp_path / f"checkpoints-{seed}",
            settings,
            seed,
        )
    first, second = (load_file(tmp_path / f"model-{seed}/model.safetensors") for seed in (0, 1))
    name = next(name for name, weight in first.items() if weight.ndim == 5)
    assert not np.array_equal(first[name], second[name])
    volume = study["test"].cine("unseen-00")[0]
    assert Segmenter(tmp_path / "model-0", mirroring=False).segment(volume, SPACING).shape == volume.shape


def test_trainer_and_planner_of_nnunet_by_name(study: dict, tmp_path: Path) -> None:
    changed = {"trainer": "nnUNetTrainerAdam", "planner": "nnUNetPlannerResEncM", "iterations": 4}
    settings = SETTINGS.model_copy(update={**changed, "epoch_iterations": 2})
    make_plan(study["root"] / "arm", tmp_path / "plan", settings)
    preprocess_dataset(study["root"] / "arm", tmp_path / "plan", tmp_path / "preprocessed", ["2d"])
    for name in ("a", "b"):
        train_segmenter(tmp_path / "preprocessed", tmp_path / name, tmp_path / "checkpoints", settings, 0)
    plan = read_json(tmp_path / "plan/nnUNetPlans.json")["configurations"]["2d"]
    assert plan["architecture"]["network_class_name"].endswith(".ResidualEncoderUNet")
    assert plan["batch_size"] == 8 and plan["architecture"]["arch_kwargs"]["features_per_stage"][0] == 4
    network = Segmenter(tmp_path / "a", mirroring=False).network
    assert type(network).__name__ == "ResidualEncoderUNet"
    record = read_json(tmp_path / "a/training.json")
    assert (record["trainer"], record["iterations"]) == ("nnUNetTrainerAdam", 4)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("a", "b")]
    assert weights[0] == weights[1]
    volume = study["test"].cine("unseen-00")[0]
    assert Segmenter(tmp_path / "a", mirroring=False).segment(volume, SPACING).shape == volume.shape
    for key in ("trainer", "planner"):
        unknown = settings.model_copy(update={key: "Nobody"})
        with pytest.raises(SynthaugError, match=f"nnU-Net has no {key} 'Nobody'"):
            make_plan(study["root"] / "arm", tmp_path / "other", unknown)
            train_segmenter(tmp_path / "preprocessed", tmp_path / "c", tmp_path / "checkpoints", unknown, 0)


def test_a_trainer_that_mirrors_nothing_predicts_without_mirroring(study: dict, tmp_path: Path) -> None:
    changed = {"trainer": "nnUNetTrainerNoDA", "iterations": 1, "epoch_iterations": 1}
    settings = SETTINGS.model_copy(update=changed)
    train_segmenter(study["root"] / "preprocessed", tmp_path / "model", tmp_path / "checkpoints", settings, 0)
    assert read_json(tmp_path / "model/training.json")["mirror_axes"] == []
    assert read_json(study["root"] / "model/training.json")["mirror_axes"] == [0, 1]
    volume = study["test"].cine("unseen-00")[0]
    asked, not_asked = (
        Segmenter(tmp_path / "model", mirroring=mirroring).segment(volume, SPACING)
        for mirroring in (True, False)
    )
    np.testing.assert_array_equal(asked, not_asked)
    # nnU-Net's own command takes the greatest mirrored axis, of which there is none.
    export_nnunet_model(tmp_path / "model", tmp_path / "exported")
    checkpoint = torch.load(tmp_path / "exported/fold_0/checkpoint_final.pth", weights_only=True)
    assert checkpoint["inference_allowed_mirroring_axes"] is None


def test_a_loss_that_is_not_finite_stops_the_training(
    study: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    monkeypatch.setattr(nnUNetTrainer, "train_step", lambda self, batch: {"loss": np.float32("nan")})
    with pytest.raises(SynthaugError, match="loss is nan in epoch 0; lower learning_rate of the task"):
        train_segmenter(
            study["root"] / "preprocessed", tmp_path / "model", tmp_path / "checkpoints", SETTINGS, 0
        )
    assert not (tmp_path / "model").exists()


# --- prediction ---------------------------------------------------------------------------------


def test_predictions_lie_on_the_patients_grid_and_find_the_heart(study: dict, tmp_path: Path) -> None:
    predict_cohort(study["root"] / "model", study["test"], tmp_path / "predictions")
    content = read_json(tmp_path / "predictions/predictions.json")
    expected = [(subject, frame) for subject in study["test"].subjects for frame in (0, ES)]
    assert [(case["subject"], case["frame"]) for case in content["cases"]] == expected
    for case in content["cases"]:
        image = nib.load(tmp_path / "predictions" / case["file"])
        assert image.header.get_zooms() == SPACING[::-1]
        assert image.get_data_dtype() == np.uint8
        labels = read_volume(tmp_path / "predictions" / case["file"])
        truth = study["test"].label_cine(case["subject"])[case["frame"]]
        for label, least in ((1, 0.7), (2, 0.5), (3, 0.5)):
            overlap = 2 * ((labels == label) & (truth == label)).sum()
            assert overlap / ((labels == label).sum() + (truth == label).sum()) > least


# --- post-processing ----------------------------------------------------------------------------

EVERY = ("LV", "MYO", "RV")


def two_hearts(folder: Path) -> Cohort:
    """One patient whose stack shows a heart in 5 slices, none in 2, and the heart again in 2; imaged on pixels of half the size."""
    cine, labels = heart(7)
    nothing = np.random.default_rng(0).normal(0.1, 0.03, (FRAMES, 2, 32, 32)).clip(0, 1)
    stack = np.concatenate([cine, nothing, cine[:, :2]], axis=1).astype(np.float32)
    masks = {frame: np.concatenate([labels[frame], np.zeros((4, 32, 32), np.uint8)]) for frame in (0, ES)}
    place = folder / "sub-two"
    write_subject(place, stack, masks, SPACING)
    grid = NativeGrid((9, 64, 64), (8.0, 1.0, 0.75), (0.0, 0.5, 0.5), (1.0, 2.0, 2.0), {})
    write_native(place, grid, {frame: mask.repeat(2, 1).repeat(2, 2) for frame, mask in masks.items()})
    row = {"subject": "two", "ed_frame": 0, "es_frame": ES, "labelled_frames": f"0,{ES}", "n_frames": FRAMES}
    write_cohort(folder, "two", "real", [{**row, "vendor": "X", "diagnosis": "NOR"}], SPACING)
    return Cohort.open(folder)


def decided(model: Path, validation: Path, *removals: tuple[str, ...]) -> Path:
    """A decision as `validate_segmenter` writes it."""
    weights = read_json(model / "training.json")["weights_sha256"]
    content = {"keep_largest": [list(names) for names in removals], "weights_sha256": weights}
    write_json(validation / "postprocessing.json", content)
    return validation


def test_postprocessing_is_decided_on_the_validation_patients(study: dict, tmp_path: Path) -> None:
    model, cohort = study["root"] / "model", study["validation"]
    validate_segmenter(model, cohort, tmp_path / "validation", mirroring=False)
    content = read_json(tmp_path / "validation/postprocessing.json")
    frames = [(case["subject"], case["frame"]) for case in content["cases"]]
    assert frames == [(subject, frame) for subject in cohort.subjects for frame in (0, ES)]
    assert {case["grid"] for case in content["cases"]} == {"study"}
    assert content["weights_sha256"] == read_json(model / "training.json")["weights_sha256"]
    predicted = [
        read_volume(tmp_path / f"validation/predictions/{subject}_f{frame}.nii.gz")
        for subject, frame in frames
    ]
    references = [cohort.label_cine(subject)[frame] for subject, frame in frames]
    decision, trials = determine_postprocessing(predicted, references)
    assert content["keep_largest"] == [list(names) for names in decision.keep_largest]
    assert [trial["after"] for trial in content["trials"]] == [trial.after for trial in trials]
    assert [trial["structures"] for trial in content["trials"]] == [[*EVERY], ["LV"], ["MYO"], ["RV"]]


@pytest.mark.parametrize("other", ["test", "real"])
def test_no_other_patients_decide_on_it(
    study: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    def read(*arguments: object) -> None:
        raise AssertionError("labels were read")

    for reader in ("label_cine", "native"):
        monkeypatch.setattr(Cohort, reader, read)
    with pytest.raises(SynthaugError, match="is no validation patient of this training"):
        validate_segmenter(study["root"] / "model", study[other], tmp_path / "validation")
    assert not (tmp_path / "validation").exists()


def test_it_is_decided_and_applied_on_the_grid_that_is_scored(study: dict, tmp_path: Path) -> None:
    cohort, model = two_hearts(tmp_path / "cohort"), tmp_path / "model"
    shutil.copytree(study["root"] / "model", model)
    record = read_json(model / "training.json")
    write_json(model / "training.json", {**record, "validation_subjects": ["two"]})
    validate_segmenter(model, cohort, tmp_path / "validation", mirroring=False)
    content = read_json(tmp_path / "validation/postprocessing.json")
    # The second heart is no heart in the reference: all removed at once, or structure by structure.
    assert content["keep_largest"] and [case["grid"] for case in content["cases"]] == ["native", "native"]
    decision = Postprocessing(tuple(map(tuple, content["keep_largest"])))
    predict_cohort(model, cohort, tmp_path / "after", mirroring=False, validation=tmp_path / "validation")
    assert read_json(tmp_path / "after/predictions.json")["keep_largest"] == content["keep_largest"]
    assert read_json(tmp_path / "validation/predictions/predictions.json")["keep_largest"] == []
    for grid in ("", "_native"):
        before = read_volume(tmp_path / f"validation/predictions/two_f0{grid}.nii.gz")
        after = read_volume(tmp_path / f"after/two_f0{grid}.nii.gz")
        np.testing.assert_array_equal(after, decision.apply(before))
        assert before[7:].any() and (after > 0).sum() < (before > 0).sum()

    # Calibration is of the probabilities: removals change nothing of it.
    errors = [
        [case["ece"] for case in read_json(folder / "predictions.json")["cases"]]
        for folder in (tmp_path / "validation/predictions", tmp_path / "after")
    ]
    assert errors[0] == errors[1] and all(0 < error < 1 for error in errors[0])
    rows = score_predictions(tmp_path / "after", cohort, Measurement({"arm": "real"}))
    scored = rows[rows["metric"] == "ece"]
    assert scored["value"].tolist() == errors[0] and scored["phase"].tolist() == ["ED", "ES"]


def test_a_decision_of_another_training_is_refused(study: dict, tmp_path: Path) -> None:
    write_json(tmp_path / "postprocessing.json", {"keep_largest": [], "weights_sha256": "other"})
    with pytest.raises(SynthaugError, match="weights of another training"):
        Segmenter(study["root"] / "model", validation=tmp_path)


def test_nnunets_own_command_applies_the_exported_decision(
    study: dict, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    model = tmp_path / "training-seed-0/model"
    shutil.copytree(study["root"] / "model", model)
    validation = decided(model, tmp_path / "training-seed-0/validation", EVERY, ("RV",))
    assert main(["export", str(model), str(tmp_path / "exported")]) == 0
    assert "nnUNetv2_apply_postprocessing" in capsys.readouterr().out
    assert read_json(tmp_path / "exported/postprocessing.json") == read_json(
        validation / "postprocessing.json"
    )
    cohort = two_hearts(tmp_path / "cohort")
    before = Segmenter(model, mirroring=False).segment(cohort.cine("two")[0], SPACING)
    write_volume(tmp_path / "found/case.nii.gz", before, SPACING)
    script = "from nnunetv2.postprocessing.remove_connected_components import entry_point_apply_postprocessing as f; f()"
    folders = ("-i", "found", "-o", "done", "-pp_pkl_file", "exported/postprocessing.pkl", "-np", "1")
    descriptions = ("-plans_json", "exported/plans.json", "-dataset_json", "exported/dataset.json")
    subprocess.run(
        [sys.executable, "-c", script, *folders, *descriptions],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    ours = Segmenter(model, mirroring=False, validation=validation).segment(cohort.cine("two")[0], SPACING)
    np.testing.assert_array_equal(ours, read_volume(tmp_path / "done/case.nii.gz"))
    assert (ours > 0).sum() < (before > 0).sum()


def test_every_frame_can_be_segmented_and_a_model_folder_moved(study: dict, tmp_path: Path) -> None:
    shutil.copytree(study["root"] / "model", tmp_path / "moved")
    seen: list[tuple[int, int]] = []
    predict_cohort(
        tmp_path / "moved",
        study["synthetic"],
        tmp_path / "predictions",
        frames="all",
        mirroring=False,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]
    # One file a subject, in which each frame is as it is segmented alone.
    files = {file.name: read_volume(file) for file in (tmp_path / "predictions").glob("*.nii.gz")}
    cohort, segmenter = study["synthetic"], Segmenter(tmp_path / "moved", mirroring=False)
    subject = cohort.subjects[0]
    assert set(files) == {f"{name}.nii.gz" for name in cohort.subjects}
    alone = [segmenter.segment(frame, cohort.spacing_mm) for frame in cohort.cine(subject)]
    np.testing.assert_array_equal(files[f"{subject}.nii.gz"], np.stack(alone))
    cases = read_json(tmp_path / "predictions" / "predictions.json")["cases"]
    assert [(case["subject"], case["frame"], case["file"]) for case in cases] == [
        (name, frame, f"{name}.nii.gz") for name in cohort.subjects for frame in range(FRAMES)
    ]


def test_nnunets_own_command_predicts_the_same(study: dict, tmp_path: Path) -> None:
    """The exported folder through nnU-Net's own loader, on an image file as nnU-Net wants it."""
    assert main(["export", str(study["root"] / "model"), str(tmp_path / "exported")]) == 0
    cohort, subject = study["test"], study["test"].subjects[0]
    frame, spacing_mm = cohort.cine(subject)[0], cohort.spacing_mm
    write_volume(tmp_path / "images" / "case_0000.nii.gz", frame, spacing_mm)
    script = "from nnunetv2.inference.predict_from_raw_data import predict_entry_point_modelfolder as predict; predict()"
    folders = ("-m", "exported", "-i", "images", "-o", "found")
    options = ("-f", "0", "-device", "cpu", "-npp", "1", "-nps", "1")
    subprocess.run(
        [sys.executable, "-c", script, *folders, *options], cwd=tmp_path, check=True, capture_output=True
    )
    ours = Segmenter(study["root"] / "model").segment(frame, spacing_mm)
    theirs = read_volume(tmp_path / "found" / "case.nii.gz")
    assert ours.any() and np.array_equal(ours, theirs)


def test_only_models_are_exported_and_nothing_is_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["export", str(tmp_path), str(tmp_path / "new")]) == 1
    assert "no training.json" in capsys.readouterr().err


def test_black_frames_are_background_and_padding_is_restored(study: dict) -> None:
    segmenter = Segmenter(study["root"] / "model", mirroring=False)
    assert not segmenter.segment(np.zeros((5, 32, 32), np.float32), SPACING).any()
    volume = study["test"].cine("unseen-00")[0]
    padded = np.pad(volume, ((1, 2), (0, 0), (0, 0)))  # nnU-Net crops what is 0 and must put it back
    labels = segmenter.segment(padded, SPACING)
    assert labels.shape == padded.shape
    np.testing.assert_array_equal(labels[1:-2], segmenter.segment(volume, SPACING))


def test_weights_that_changed_are_refused(study: dict, tmp_path: Path) -> None:
    shutil.copytree(study["root"] / "model", tmp_path / "model")
    content = bytearray((tmp_path / "model/model.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "model/model.safetensors").write_bytes(content)
    with pytest.raises(SynthaugError, match="checksum differs"):
        Segmenter(tmp_path / "model")


# --- settings -----------------------------------------------------------------------------------


def test_settings() -> None:
    with pytest.raises(ValidationError, match="must be a multiple of epoch_iterations"):
        SegmentationSettings(iterations=100, epoch_iterations=30)
    with pytest.raises(ValidationError, match="a seed appears twice"):
        SegmentationSettings(training_seeds=(1, 1))
    with pytest.raises(ValidationError, match="'no class' is no class"):
        SegmentationSettings(trainer="no class")
    with pytest.raises(
        ValidationError,
        match="primary_metric: the scores of this kind of task have no accuracy; choose among dice, hd95",
    ):
        SegmentationSettings(primary_metric="accuracy")
    with pytest.raises(ValidationError, match="family: the scores of this kind of task have no brier"):
        SegmentationSettings(family=("dice", "brier"))
    used = set().union(*(needs.settings for needs in SegmentationSettings.steps.values()))
    assert set(SegmentationSettings.model_fields) - used == {"kind", *SegmentationSettings.outside}
    kept = {"kind": "segmentation", "mirroring": False}
    assert SegmentationSettings(mirroring=False).of_step("prediction") == kept
    mine = SegmentationSettings(trainer="mine.trainers:Mine", planner="plans:Planner")
    # An edit of a user's own class runs again what it computes, and no more.
    assert mine.modules_of_step("plan") == [
        "synthaug.tasks.segmentation.training_set",
        "synthaug.tasks.segmentation.plan",
        "plans",
    ]
    for step in ("training", "validation", "prediction", "labelling"):
        assert mine.modules_of_step(step)[-1] == "mine.trainers"
        assert SegmentationSettings().modules_of_step(step) == mine.modules_of_step(step)[:-1]
    assert mine.modules_of_step("scoring") == ["synthaug.measures.scoring"]
    assert SegmentationSettings().validates and not SegmentationSettings(postprocessing="none").validates


# --- pseudo labels ------------------------------------------------------------------------------


class Threshold:
    """A segmenter whose labels are known: LV where the image is bright."""

    def __init__(self) -> None:
        self.record = {"weights_sha256": "abc"}

    def segment(self, volume: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
        return (volume > 0.8).astype(np.uint8)


def test_pseudo_labels_are_written_for_every_frame(study: dict, tmp_path: Path) -> None:
    bare = made_cohort(tmp_path / "bare", "bare", 2, "synthetic", seen=["real-00"])
    table = bare.table.assign(labelled_frames=None, es_frame=float("nan"), lv_edv_ml=1.0)
    for folder in bare.folders.values():
        (folder / "labels.nii.gz").unlink()
    bare = Cohort(bare.name, bare.kind, table, bare.folders, bare.meta)
    with pytest.raises(SynthaugError, match="set labels: pseudo"):
        write_raw_dataset(tmp_path / "arm", subjects_of_arm(study["real"], study["validation"], bare))

    (tmp_path / "bare" / "rejections.tsv").write_text("subject\n")
    label_cohort(Threshold(), bare, tmp_path / "labelled", records=[tmp_path / "bare" / "rejections.tsv"])
    labelled = Cohort.open(tmp_path / "labelled")
    assert (tmp_path / "labelled" / "rejections.tsv").read_text() == "subject\n"
    assert labelled.subjects == bare.subjects and labelled.meta["seen"] == ["real-00"]
    assert labelled.meta["labelled_by"] == LABELLED_BY and labelled.meta["segmenter_sha256"] == "abc"
    for subject in labelled.subjects:
        np.testing.assert_array_equal(labelled.cine(subject), bare.cine(subject))
        np.testing.assert_array_equal(labelled.label_cine(subject), bare.cine(subject) > 0.8)
        assert labelled.labelled_frames(subject) == list(range(FRAMES))
        row = labelled.table.loc[subject]
        volumes = (bare.cine(subject) > 0.8).sum(axis=(1, 2, 3)) * np.prod(SPACING) / 1000
        assert row["es_frame"] == volumes.argmin() and row["lv_edv_ml"] == pytest.approx(volumes[0])
    assert select_synthetic(labelled, 0.5, 4).subjects == bare.subjects


def test_pseudo_labels_of_a_folder_from_elsewhere_record_the_files_that_were_written(tmp_path: Path) -> None:
    """Its cines are stored otherwise than here, and its own masks are replaced: neither has the recorded hash any more."""
    theirs = made_cohort(tmp_path / "theirs", "theirs", 1, "synthetic")
    file = theirs.folders["theirs-00"] / "cine.nii.gz"
    image = nib.load(file)
    nib.save(nib.Nifti1Image(image.get_fdata(dtype=np.float32), image.affine), file)
    bring_cohort(tmp_path / "theirs", tmp_path / "brought")
    label_cohort(Threshold(), Cohort.open(tmp_path / "brought"), tmp_path / "labelled")
    recorded = read_json(tmp_path / "labelled/cohort.json")["files"]["theirs-00"]
    found = {
        kind: sha256_file(tmp_path / f"labelled/sub-theirs-00/{kind}.nii.gz") for kind in ("cine", "labels")
    }
    assert recorded == found
    brought = read_json(tmp_path / "brought/cohort.json")["files"]["theirs-00"]
    assert all(brought[kind] != found[kind] for kind in found)
    manifest = data_manifest([ListedRun("synthetic", "theirs", cohort=tmp_path / "labelled")])
    assert len(manifest) == 3


def test_synthetic_subjects_whose_masks_are_of_other_frames_are_refused(study: dict, tmp_path: Path) -> None:
    """Otherwise the arm were one of real patients alone, and nobody told."""
    made = made_cohort(tmp_path / "made", "made", 2, "synthetic")
    made = replace(made, table=made.table.assign(labelled_frames="1,3"))  # ED is 0, ES 2
    arm = subjects_of_arm(study["real"], study["validation"], made)
    with pytest.raises(SynthaugError, match="no synthetic subject has a mask at ED or ES"):
        write_raw_dataset(tmp_path / "raw", arm)
    write_raw_dataset(tmp_path / "all", replace(arm, synthetic=made.select(made.subjects)), frames="all")
    assert count_cases(tmp_path / "all", "synthetic") == 4
