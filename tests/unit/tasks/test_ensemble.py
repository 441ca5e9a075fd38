"""Ensembles of nnU-Net: who is left out, what is averaged, resumption, and nnU-Net's own command."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from arm_cohorts import subjects_of_arm
from made_hearts import SPACING, made_cohort

from synthaug.config.tasks import SegmentationSettings
from synthaug.core.artifacts import read_json
from synthaug.core.errors import SynthaugError
from synthaug.tasks.sampling import UNIFORM, Sampling
from synthaug.tasks.segmentation import train_ensemble as training
from synthaug.tasks.segmentation.cases import read_volume, write_volume
from synthaug.tasks.segmentation.ensemble import Member, cases_left_out, members_of
from synthaug.tasks.segmentation.export import export_nnunet_model
from synthaug.tasks.segmentation.plan import make_plan
from synthaug.tasks.segmentation.predict import Ensemble, Segmenter, open_segmenter
from synthaug.tasks.segmentation.preprocess import preprocess_dataset
from synthaug.tasks.segmentation.train import sampling_of
from synthaug.tasks.segmentation.training_set import write_raw_dataset

SETTINGS = SegmentationSettings(
    ensemble_folds=2,
    iterations=8,
    epoch_iterations=4,
    validation_iterations=1,
    batch_size=4,
    base_features=4,
    learning_rate=0.1,
    momentum=0.9,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real+synthetic arm of four real subjects, preprocessed, and an ensemble of two trained on it."""
    root = tmp_path_factory.mktemp("ensemble")
    real, validation = made_cohort(root / "real", "real", 4), made_cohort(root / "checked", "checked", 1)
    synthetic = made_cohort(root / "synthetic", "made", 1, "synthetic", seen=["real-00"])
    write_raw_dataset(root / "arm", subjects_of_arm(real, validation, synthetic))
    make_plan(root / "arm", root / "plan", SETTINGS)
    preprocess_dataset(root / "arm", root / "plan", root / "preprocessed", ["2d"])
    training.train_ensemble(root / "preprocessed", root / "model", root / "checkpoints", SETTINGS, 3)
    return root


def cases() -> pd.DataFrame:
    rows = [(f"r{n}_f{f}", f"r{n}", "real", "train") for n in range(5) for f in (0, 2)]
    rows += [("r1_f0_copy", "r1", "repeated", "train"), ("v_f0", "v", "real", "validation")]
    return pd.DataFrame(
        [*rows, ("s_f0", "s", "synthetic", "train")], columns=["case", "subject", "source", "role"]
    )


def test_each_real_subject_is_left_out_of_one_network_with_all_its_copies():
    parts = [cases_left_out(cases(), Member("2d", fold, 2)) for fold in range(2)]
    assert parts[1] == ["r1_f0", "r1_f2", "r3_f0", "r3_f2", "r1_f0_copy"]
    assert len(parts[0]) == 6 and set(parts[0]).isdisjoint(parts[1])
    assert cases_left_out(cases(), Member("2d")) == []
    with pytest.raises(SynthaugError, match="7 shares of 5 real training subjects; lower it"):
        cases_left_out(cases(), Member("2d", 0, 7))


def test_both_configurations_have_all_folds():
    settings = SETTINGS.model_copy(update={"configuration": "2d+3d_fullres"})
    names = [member.name for member in members_of(settings)]
    assert names == ["2d_fold-0", "2d_fold-1", "3d_fullres_fold-0", "3d_fullres_fold-1"]
    assert settings.total_iterations == 4 * 8 and len(members_of(SegmentationSettings())) == 1
    assert Member("2d", 0, 2).seed(3) == 3 != Member("2d", 1, 2).seed(3)


def test_the_record_is_of_all_networks(root):
    record = read_json(root / "model" / "training.json")
    each = [read_json(root / "model" / name / "training.json") for name in record["members"]]
    assert [len(one["seen"]) for one in each] == [3, 3]  # two real of four, and who is validated on
    assert record["seen"] == sorted({*each[0]["seen"], *each[1]["seen"]}) and len(record["seen"]) == 5
    assert record["draws"]["real"] == sum(one["draws"]["real"] for one in each)
    assert record["real_exposure"] == record["draws"]["real"] / (2 * 8 * 4)
    assert each[0]["weights_sha256"] != each[1]["weights_sha256"]
    assert not (root / "checkpoints").exists()


def test_probabilities_of_configurations_are_averaged(root):
    ensemble = open_segmenter(root / "model", mirroring=False)
    assert isinstance(ensemble, Ensemble)
    volume = read_volume(root / "arm" / "imagesTr" / "real-01_f2_0000.nii.gz")
    each = [
        Segmenter(root / "model" / name, mirroring=False).segment_with_probabilities(volume, SPACING)[1]
        for name in ensemble.members
    ]
    for member, name in zip(ensemble.members.values(), ("2d", "3d_fullres"), strict=True):
        member.record["configuration"] = name  # as if they were of two
    labels, probabilities = ensemble.segment_with_probabilities(volume, SPACING)
    np.testing.assert_allclose(probabilities, (each[0] + each[1]) / 2, atol=1e-6)
    np.testing.assert_array_equal(labels, probabilities.argmax(axis=0))
    black, sure = ensemble.segment_with_probabilities(np.zeros_like(volume), SPACING)
    assert not black.any() and (sure[0] == 1).all()


def test_finished_networks_are_kept_and_those_of_other_settings_are_not(root, tmp_path, monkeypatch):
    trained = []

    def train(preprocessed, model, checkpoints, settings, seed, threads, member):
        if member.fold:
            trained.append(member.name)
            raise SystemExit(75)
        shutil.copytree(root / "model" / member.name, model)
        trained.append(member.name)

    monkeypatch.setattr(training, "train_segmenter", train)
    for _ in range(2):
        with pytest.raises(SystemExit):
            training.train_ensemble(root / "preprocessed", tmp_path / "model", tmp_path / "c", SETTINGS, 3)
    assert trained == ["2d_fold-0", "2d_fold-1", "2d_fold-1"] and not (tmp_path / "model").exists()
    other = SETTINGS.model_copy(update={"learning_rate": 0.2})
    with pytest.raises(SystemExit):
        training.train_ensemble(root / "preprocessed", tmp_path / "model", tmp_path / "c", other, 3)
    assert trained[-2:] == ["2d_fold-0", "2d_fold-1"]


def test_a_changed_network_is_refused(root, tmp_path):
    shutil.copytree(root / "model", tmp_path / "model")
    shutil.rmtree(tmp_path / "model" / "2d_fold-1")
    shutil.copytree(tmp_path / "model" / "2d_fold-0", tmp_path / "model" / "2d_fold-1")
    with pytest.raises(SynthaugError, match=r"its networks are not those of training\.json"):
        open_segmenter(tmp_path / "model")


def test_nnunets_own_command_averages_the_same_folds(root, tmp_path):
    export_nnunet_model(root / "model", tmp_path / "exported")
    frame = read_volume(root / "arm" / "imagesTr" / "real-01_f2_0000.nii.gz")
    write_volume(tmp_path / "images" / "case_0000.nii.gz", frame, SPACING)
    script = "from nnunetv2.inference.predict_from_raw_data import predict_entry_point_modelfolder as predict; predict()"
    folders = ("-m", "exported", "-i", "images", "-o", "found", "-f", "0", "1", "--disable_tta")
    options = ("-device", "cpu", "-npp", "1", "-nps", "1", "--save_probabilities")
    subprocess.run(
        [sys.executable, "-c", script, *folders, *options], cwd=tmp_path, check=True, capture_output=True
    )
    theirs = np.load(tmp_path / "found" / "case.npz")["probabilities"]
    labels, ours = open_segmenter(root / "model", mirroring=False).segment_with_probabilities(frame, SPACING)
    np.testing.assert_allclose(theirs, ours, atol=1e-3)  # stored by nnU-Net in half precision
    np.testing.assert_array_equal(read_volume(tmp_path / "found" / "case.nii.gz"), labels)


def test_a_network_draws_real_cases_as_often_as_one_that_sees_all_of_them(root):
    """Of eight real and two synthetic cases each network sees four and two: 0.8 of its draws are real, as of the arm's, not 4/6."""
    for fold in range(2):
        record = read_json(root / "model" / f"2d_fold-{fold}" / "training.json")
        assert record["cases"]["real"] == 4 and record["cases"]["synthetic"] == 2
        assert record["expected_real_exposure"] == pytest.approx(0.8)
        left_out = record["left_out"]
        assert sampling_of(root / "preprocessed", left_out) == Sampling(real_share=pytest.approx(0.8))
    assert sampling_of(root / "preprocessed", []) == UNIFORM
