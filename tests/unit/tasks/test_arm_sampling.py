"""How arms draw their cases, what is broken in them, and who is in them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from arm_cohorts import subjects_of_arm
from made_hearts import ES, FRAMES, made_cohort

from synthaug.config.arms import ArmSettings, resolve_arms
from synthaug.config.tasks import SegmentationSettings
from synthaug.core.artifacts import read_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.generators.real import real_as_synthetic
from synthaug.jobs.interruption import INTERRUPTED
from synthaug.tasks.corruption import label_donors, shuffle_voxels
from synthaug.tasks.sampling import UNIFORM, Sampling
from synthaug.tasks.segmentation.cases import read_cases, read_record, read_volume
from synthaug.tasks.segmentation.corruption import corrupt_cases, stretch_stack
from synthaug.tasks.segmentation.plan import make_plan
from synthaug.tasks.segmentation.predict import Segmenter
from synthaug.tasks.segmentation.preprocess import preprocess_dataset
from synthaug.tasks.segmentation.train import train_segmenter
from synthaug.tasks.segmentation.training_set import write_raw_dataset
from synthaug.tasks.training_subjects import TrainingSubjects, choose_training_subjects, select_further

SETTINGS = SegmentationSettings(
    iterations=12,
    epoch_iterations=3,
    validation_iterations=1,
    batch_size=8,
    base_features=4,
    learning_rate=0.1,
    momentum=0.9,
)
SOURCES = ["real", "real", "synthetic", "synthetic", "synthetic", "synthetic"]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Real, validation and synthetic subjects, a table of the fold, and a plan."""
    root = tmp_path_factory.mktemp("study")
    parts = {
        "root": root,
        "real": made_cohort(root / "real", "real", 4),
        "validation": made_cohort(root / "validation", "checked", 1),
        "synthetic": made_cohort(
            root / "synthetic", "made", 4, "synthetic", seen=["real-00", "real-01", "real-02"]
        ),
    }
    parts["all"] = Cohort.open_all([root / "real", root / "validation"])
    subjects = parts["all"].subjects
    parts["split"] = pd.DataFrame(
        {
            "subject": subjects,
            "patient": subjects,
            "dataset": "d",
            "vendor": "A",
            "diagnosis": "NOR",
            "labelled": True,
            "role": ["train"] * 4 + ["validation"],
        }
    )
    write_raw_dataset(root / "plain", subjects_of_arm(parts["real"], parts["validation"]))
    make_plan(root / "plain", root / "plan", SETTINGS)
    return parts


def chosen(study: dict, name: str, **settings: object) -> TrainingSubjects:
    """Training subjects of one arm of a study with arm `low` and its controls."""
    arms = resolve_arms({"low": ArmSettings.model_validate({"generator": "g", **settings})})
    return choose_training_subjects(arms[name], study["all"], study["split"], study["synthetic"])


def build(study: dict, folder: Path, name: str, **settings: object) -> Path:
    """The dataset of the same."""
    write_raw_dataset(folder / name, chosen(study, name, **settings))
    return folder / name


def trained(study: dict, dataset: Path, **changed: object) -> dict:
    """The record of a short training on a dataset, in the dataset's own folder."""
    preprocess_dataset(dataset, study["root"] / "plan", dataset / "preprocessed", ["2d"])
    settings = SETTINGS.model_copy(update=changed)
    train_segmenter(
        dataset / "preprocessed", dataset / "model", dataset / "checkpoints", settings, training_seed=0
    )
    return read_json(dataset / "model/training.json")


# --- probabilities --------------------------------------------------------------------------------


def test_a_share_of_draws_is_spread_over_the_cases_of_a_source() -> None:
    probabilities = Sampling(real_share=0.5).probabilities(SOURCES, pretraining=False)
    assert probabilities.tolist() == [0.25, 0.25, 0.125, 0.125, 0.125, 0.125]
    assert Sampling(real_share=1.0).probabilities(SOURCES, False).tolist() == [0.5, 0.5, 0, 0, 0, 0]
    assert UNIFORM.probabilities(SOURCES, pretraining=False) is None


def test_pretraining_is_on_what_was_added_and_the_rest_on_real_cases() -> None:
    sampling = Sampling(pretrain=0.75)
    assert sampling.pretraining_epochs(8) == 6
    assert sampling.probabilities(SOURCES, pretraining=True).tolist() == [0, 0, 0.25, 0.25, 0.25, 0.25]
    assert sampling.probabilities(SOURCES, pretraining=False).tolist() == [0.5, 0.5, 0, 0, 0, 0]
    with pytest.raises(SynthaugError, match=r"pretrain 0\.75 of 1 epochs leaves one part without any"):
        sampling.pretraining_epochs(1)
    # A control of real exposure trains for the epochs that are left, also where a half is rounded.
    for epochs in range(2, 12):
        left = epochs - Sampling(pretrain=0.5).pretraining_epochs(epochs)
        assert left == Sampling(iterations_share=0.5).epochs(epochs)
    assert Sampling(pretrain=0.5).pretraining_epochs(5) == 3


def test_a_source_that_must_be_drawn_must_have_cases() -> None:
    with pytest.raises(SynthaugError, match="40% of the draws shall be real cases and there is none"):
        Sampling(real_share=0.4).probabilities(["synthetic"], pretraining=False)
    assert Sampling(real_share=1.0).probabilities(["real"], pretraining=False).tolist() == [1.0]


def test_the_expected_real_share() -> None:
    counts = {"real": 10, "synthetic": 30}
    assert UNIFORM.expected_real_share(counts) == 0.25
    assert Sampling(real_share=0.6).expected_real_share(counts) == 0.6
    assert Sampling(pretrain=0.75).expected_real_share(counts) == 0.25
    assert Sampling(iterations_share=0.25).epochs(10) == 2  # 2.5, to the even one
    assert Sampling(iterations_share=0.01).epochs(10) == 1


# --- who is in an arm -----------------------------------------------------------------------------


def test_a_dose_is_relative_to_the_arms_own_patients(study: dict, tmp_path: Path) -> None:
    half = build(study, tmp_path, "low", real=0.5, dose=1.5)
    people = read_cases(half).drop_duplicates("subject").groupby(["role", "source"]).size()
    assert people["train", "real"] == 2 and people["train", "synthetic"] == 3
    alone = build(study, tmp_path / "only", "low", real=0, dose=1.0)
    people = read_cases(alone).drop_duplicates("subject").groupby(["role", "source"]).size()
    assert people["train"].to_dict() == {"synthetic": 4}  # as many as the fold has patients


def test_the_record_says_whose_labels_the_generator_saw(study: dict, tmp_path: Path) -> None:
    record = read_record(build(study, tmp_path, "low", real=0.25, dose=1))
    assert record["labelled_patients"] == 1 and record["generator_labelled_patients"] == 3
    assert record["expected_real_share"] == 0.5


def test_an_exposure_control_has_real_cases_alone_and_the_iterations_spent_on_them(
    study: dict, tmp_path: Path
) -> None:
    arm = build(study, tmp_path, "low", real=0.5, dose=2, controls=["exposure"])
    control = build(study, tmp_path, "low-exposure", real=0.5, dose=2, controls=["exposure"])
    cases = read_cases(control)
    assert set(cases["source"]) == {"real"}
    of_arm = read_cases(arm)
    kept = of_arm[(of_arm["source"] == "real") & (of_arm["role"] == "train")]
    assert set(cases.loc[cases["role"] == "train", "case"]) == set(kept["case"])
    assert read_record(control)["sampling"]["iterations_share"] == pytest.approx(1 / 3)
    record = trained(study, control, iterations=9)
    assert (record["epochs"], record["iterations"]) == (1, 3)  # a third of three epochs
    assert record["real_exposure"] == 1.0


def test_further_real_patients_come_from_those_left_out(study: dict, tmp_path: Path) -> None:
    settings = {"real": 0.25, "dose": 2, "controls": ["extra-real"]}
    cases = read_cases(build(study, tmp_path, "low-extra-real", **settings))
    training = cases[cases["role"] == "train"].drop_duplicates("subject").set_index("subject")["source"]
    assert sorted(training) == ["extra-real", "extra-real", "real"]
    # Two of four patients are 40 % of them, rounded: of the three that follow there are two.
    rounded = chosen(study, "low-extra-real", **{**settings, "real": 0.4, "dose": 1.5})
    assert len(rounded.rows("train", "real")) == len(rounded.rows("train", "extra-real")) == 2
    real = study["real"]
    with pytest.raises(
        SynthaugError, match=r"arms\.low: control extra-real asks for 3 further .* 1 are left"
    ):
        select_further(real, real.select(real.subjects[:3]), 1.0, 0, "low")


# --- corruption -----------------------------------------------------------------------------------


def test_mislabelled_cases_have_the_mask_of_another_subject(study: dict, tmp_path: Path) -> None:
    settings = {"dose": 1, "controls": ["mislabelled"]}
    dataset = build(study, tmp_path, "low-mislabelled", **settings)
    intact = build(study, tmp_path, "low", **settings).joinpath("cases.tsv")
    both = [pd.read_csv(file, sep="\t").set_index("case") for file in (dataset / "cases.tsv", intact)]
    synthetic = both[0].index[both[0]["source"] == "synthetic"]
    assert (both[0].loc[synthetic, "image_sha256"] == both[1].loc[synthetic, "image_sha256"]).all()
    donors = {}
    for case in synthetic:
        subject, frame = case.rsplit("_f", 1)
        mask = read_volume(dataset / f"labelsTr/{case}.nii.gz")
        donors[case] = [
            other
            for other in study["synthetic"].subjects
            if np.array_equal(study["synthetic"].label_cine(other)[int(frame)], mask)
        ]
        assert len(donors[case]) == 1 and donors[case] != [subject]
    given = [donor for (donor,) in donors.values()]
    assert sorted(given) == sorted(study["synthetic"].subjects * 2)  # everybody's masks, each once
    real = both[0].index[both[0]["source"] == "real"]
    assert (both[0].loc[real, "labels_sha256"] == both[1].loc[real, "labels_sha256"]).all()


def test_noise_keeps_the_histogram_and_nothing_else(study: dict) -> None:
    image = study["synthetic"].cine("made-00")[0]
    shuffled = shuffle_voxels(image, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(shuffled, axis=None), np.sort(image, axis=None))
    assert abs(np.corrcoef(shuffled.ravel(), image.ravel())[0, 1]) < 0.1
    corrupt = corrupt_cases(study["synthetic"], "all", "images", seed=0)
    labels = study["synthetic"].label_cine("made-00")[0]
    broken, kept = corrupt("made-00", 0, image, labels)
    assert kept is labels and not np.array_equal(broken, image)
    np.testing.assert_array_equal(corrupt("made-00", 0, image, labels)[0], broken)


def test_stacks_are_stretched_from_base_to_apex() -> None:
    stack = np.arange(3)[:, None, None] * np.ones((1, 2, 2), int)
    assert stretch_stack(stack, 5)[:, 0, 0].tolist() == [0, 0, 1, 2, 2]
    assert stretch_stack(stack, 2)[:, 0, 0].tolist() == [0, 2]
    assert stretch_stack(stack, 3).tolist() == stack.tolist()


@pytest.mark.parametrize("seed", range(4))
def test_a_donor_is_of_another_class(seed: int) -> None:
    classes = {f"s{number:02d}": "NOR" if number < 10 else "DCM" for number in range(20)}
    donors = label_donors(list(classes), seed, "made", classes)
    assert sorted(donors.values()) == sorted(classes)
    assert not any(classes[subject] == classes[donor] for subject, donor in donors.items())
    most = {subject: "NOR" if number < 14 else "DCM" for number, subject in enumerate(classes)}
    kept = sum(
        most[subject] == most[donor]
        for subject, donor in label_donors(list(most), seed, "made", most).items()
    )
    assert kept == 8  # of 14 against 6 no order exchanges more than 12
    with pytest.raises(
        SynthaugError, match="made: all synthetic subjects are NOR and cannot exchange labels"
    ):
        label_donors(list(classes), seed, "made", dict.fromkeys(classes, "NOR"))


def test_one_subject_cannot_exchange_labels(study: dict) -> None:
    alone = study["synthetic"].select(["made-00"])
    with pytest.raises(SynthaugError, match="1 labelled subject cannot exchange labels; raise the dose"):
        corrupt_cases(alone, "ed_es", "labels", seed=0)


# --- training -------------------------------------------------------------------------------------


def test_draws_follow_the_share_whatever_the_dose(study: dict, tmp_path: Path) -> None:
    record = trained(study, build(study, tmp_path, "low", real=0.25, dose=4, real_share=0.75))
    total = 12 * 8
    assert sum(record["draws"].values()) == total
    assert record["expected_real_exposure"] == 0.75
    # Uniform draws would give a fifth; four standard deviations of a binomial are 0.18.
    assert record["draws"]["real"] / total == pytest.approx(0.75, abs=0.18)
    never = trained(study, build(study, tmp_path / "null", "low", dose=1, real_share=1.0))
    assert never["draws"] == {"real": total, "synthetic": 0}


def test_copies_take_the_place_of_synthetic_cases_in_the_draws(study: dict, tmp_path: Path) -> None:
    settings = {"dose": 1, "real_share": 0.9, "controls": ["repeated"]}
    record = trained(study, build(study, tmp_path, "low-repeated", **settings), iterations=3)
    assert set(record["draws"]) == {"real", "repeated"} and record["real_exposure"] == 1.0
    assert record["draws"]["real"] > 3 * record["draws"]["repeated"]


def test_pretraining_switches_at_its_epoch_also_when_resumed(
    study: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthaug.tasks.segmentation.trainer import StudyTrainer

    dataset = build(study, tmp_path, "low", dose=1, pretrain=0.5)
    seen: list[tuple[int, set[str]]] = []
    step = StudyTrainer.train_step

    def noted(self: StudyTrainer, batch: dict) -> dict:
        seen.append((self.current_epoch, {str(case)[:4] for case in batch["keys"]}))
        return step(self, batch)

    monkeypatch.setattr(StudyTrainer, "train_step", noted)
    record = trained(study, dataset)
    assert [epoch for epoch, _ in seen] == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert all(sources == {"made" if epoch < 2 else "real"} for epoch, sources in seen)
    assert record["draws"] == {"real": 48, "synthetic": 48}

    for stop in (2, 8):  # in the first part, and in the second

        def preempted(self: StudyTrainer, batch: dict, stop: int = stop) -> dict:
            seen.append((self.current_epoch, set()))
            if len(seen) == stop:
                os.kill(os.getpid(), signal.SIGTERM)
            return step(self, batch)

        seen.clear()
        folder = tmp_path / f"stopped-{stop}"
        arguments = (dataset / "preprocessed", folder / "model", folder / "checkpoints", SETTINGS, 0)
        with monkeypatch.context() as patch:
            patch.setattr(StudyTrainer, "train_step", preempted)
            with pytest.raises(SystemExit) as stopped:
                train_segmenter(*arguments)
        assert stopped.value.code == INTERRUPTED
        train_segmenter(*arguments)
        whole, resumed = (path / "model/model.safetensors" for path in (dataset, folder))
        assert resumed.read_bytes() == whole.read_bytes()
        assert read_json(folder / "model/training.json")["draws"] == record["draws"]


def test_sampling_works_in_3d(study: dict, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(
        update={"configuration": "3d_fullres", "iterations": 4, "epoch_iterations": 2, "batch_size": 2}
    )
    dataset = build(study, tmp_path, "low", dose=1, pretrain=0.5)
    make_plan(dataset, tmp_path / "plan", settings)
    preprocess_dataset(dataset, tmp_path / "plan", tmp_path / "preprocessed", ["3d_fullres"])
    train_segmenter(
        tmp_path / "preprocessed", tmp_path / "model", tmp_path / "checkpoints", settings, training_seed=0
    )
    record = read_json(tmp_path / "model/training.json")
    assert len(record["patch_size"]) == 3 and record["draws"] == {"real": 4, "synthetic": 4}
    volume = study["validation"].cine("checked-00")[ES]
    labels = Segmenter(tmp_path / "model", mirroring=False).segment(volume, study["real"].spacing_mm)
    assert labels.shape == volume.shape


# --- lending --------------------------------------------------------------------------------------


def test_lent_patients_are_copies_under_other_ids(study: dict, tmp_path: Path) -> None:
    real = study["real"]
    real_as_synthetic(real, tmp_path / "lent", "oracle", ["real-01", "real-03"], study["validation"])
    lent = Cohort.open(tmp_path / "lent")
    assert lent.kind == "synthetic" and sorted(lent.subjects) == ["oracle-real-01", "oracle-real-03"]
    assert lent.meta["seen"] == ["real-01", "real-03"]
    np.testing.assert_array_equal(lent.cine("oracle-real-03"), real.cine("real-03"))
    assert lent.labelled_frames("oracle-real-03") == [0, ES] and FRAMES > 2
    # It goes with the patients it was lent from into one arm, and is refused where they are tested.
    subjects_of_arm(real, study["validation"], lent)
    with pytest.raises(SynthaugError, match="generator saw real-01, which is tested"):
        subjects_of_arm(real, study["validation"], lent, share=0.0, tested=("real-01",))


def test_a_dataset_outside_the_split_is_lent_whole_in_an_order_of_the_seed(
    study: dict, tmp_path: Path
) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        real_as_synthetic(study["real"], tmp_path / name, "oracle", None, study["validation"], seed)
    first, again, other = (Cohort.open(tmp_path / name) for name in "abc")
    assert first.subjects == again.subjects != other.subjects
    assert sorted(first.subjects) == sorted(other.subjects) and len(first.subjects) == 4
    assert first.meta["seen"] == []


def test_held_out_cines_are_not_lent_under_another_name(study: dict, tmp_path: Path) -> None:
    with pytest.raises(SynthaugError, match="has the cine of real-02, who validates or tests"):
        real_as_synthetic(study["real"], tmp_path / "lent", "oracle", None, study["real"].select(["real-02"]))
    # The same voxels under another header are the same cine.
    cine, spacing = study["real"].cine("real-02"), study["real"].spacing_mm
    write_subject(tmp_path / "other/sub-other", cine, {}, spacing, frame_duration_s=0.04)
    row = {"subject": "other", "n_frames": FRAMES, "n_slices": cine.shape[1]}
    write_cohort(tmp_path / "other", "other", "real", [row], spacing)
    with pytest.raises(SynthaugError, match="has the cine of other, who validates or tests"):
        real_as_synthetic(study["real"], tmp_path / "lent", "oracle", None, Cohort.open(tmp_path / "other"))
    blind = study["real"].without_labels(study["real"].subjects)
    with pytest.raises(SynthaugError, match="no labelled subject for generator"):
        real_as_synthetic(blind, tmp_path / "lent", "oracle", None, study["validation"])
    assert not (tmp_path / "lent").exists()
