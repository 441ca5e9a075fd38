"""Classification and regression on discs whose size is the class and the phenotype."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from arm_cohorts import joined, split_of, subjects_of_arm
from blob_cohorts import blob_cohort

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.core.artifacts import read_json, write_text
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.jobs.interruption import INTERRUPTED
from synthaug.statistics.classification_performance import classification_performance
from synthaug.statistics.regression_performance import regression_performance
from synthaug.tasks import open_task
from synthaug.tasks.image_level.clips import read_cine
from synthaug.tasks.image_level.training_set import TrainingData
from synthaug.tasks.score_tested import score_tested
from synthaug.tasks.training_subjects import TrainingSubjects
from synthaug.training.loop import Loop

SMALL: dict[str, Any] = {
    "slices": 2,
    "patch": [4, 4],
    "width": 24,
    "depth": 1,
    "heads": 2,
    "decoder_width": 12,
    "decoder_depth": 1,
    "pretraining_iterations": 20,
    "pretraining_batch_size": 8,
    "pretraining_learning_rate": 2e-3,
    "iterations": 80,
    "batch_size": 8,
    "learning_rate": 3e-3,
    "trees": 20,
}
CLASSIFICATION = {"kind": "classification", **SMALL}
REGRESSION = {"kind": "regression", "targets": ["lv_edv_ml", "lv_ef"], **SMALL}
SHORT = {"pretraining_iterations": 4, "iterations": 4}
FIELDS = {"arm": "real", "fold": 0, "training_seed": 0}
REAL = Arm("real", 1.0, None, 0.0)


@pytest.fixture(scope="module")
def cohorts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cohort]:
    """Real, validation, tested and synthetic subjects, each with its phenotypes."""
    root = tmp_path_factory.mktemp("discs")
    made = {
        "real": blob_cohort(root / "real", "real", 12),
        "checked": blob_cohort(root / "checked", "checked", 3),
        "tested": blob_cohort(root / "tested", "tested", 12, first_seed=1),
        "made": blob_cohort(
            root / "made", "made", 8, "synthetic", ("NOR", "DCM", "HCM", None), seen=["real-00", "real-11"]
        ),
    }
    return {name: cohort.with_phenotypes([root / f"{name}.tsv"]) for name, cohort in made.items()}


def arm_of(cohorts: dict[str, Cohort], **options: Any) -> TrainingSubjects:
    """An arm of the cohorts' patients; with synthetic subjects or as a control where asked for."""
    synthetic = cohorts["made"] if options.pop("synthetic", False) else None
    made = subjects_of_arm(cohorts["real"], cohorts["checked"], synthetic, **options)
    phenotypes = pd.concat([cohorts[name].phenotypes for name in ("real", "checked")])
    return replace(made, real=replace(made.real, phenotypes=phenotypes))


def trained(
    content: dict[str, Any], arm: TrainingSubjects, folder: Path, plan: TrainingSubjects | None = None
) -> Path:
    """Model of an arm with training seed 0."""
    task = open_task(content)
    task.plan(plan or arm, folder / "plan")
    task.write_training_set(arm, folder / "plan", folder / "training-set")
    task.train(folder / "training-set", folder / "model", folder / "checkpoints", 0)
    return folder / "model"


def scored(content: dict[str, Any], model: Path, cohort: Cohort) -> pd.DataFrame:
    task = open_task(content)
    task.predict(model, cohort, model.parent / "predictions")
    return task.score(model.parent / "predictions", cohort, FIELDS)


def test_fine_tuning_tells_the_classes(cohorts: dict[str, Cohort], tmp_path: Path) -> None:
    model = trained(CLASSIFICATION, arm_of(cohorts), tmp_path)
    rows = scored(CLASSIFICATION, model, cohorts["tested"])
    accuracy = rows[rows["metric"] == "accuracy"]
    assert len(accuracy) == 12 and accuracy["value"].mean() > 0.9
    assert rows.loc[rows["metric"] == "brier", "value"].mean() < 0.3  # guessing has 0.5
    found = classification_performance(rows, [REAL], EvaluationSettings(replicates=100))
    macro = found[(found["metric"] == "auc") & found["target"].isna()].iloc[0]
    assert macro["value"] > 0.9
    record = read_json(model / "training.json")
    assert record["iterations_of"] == {"pretraining": 20, "fine_tuning": 80}
    history = pd.read_csv(model / "history.csv")
    assert history["iteration"].is_monotonic_increasing and history["iteration"].iloc[-1] == 100
    assert history["loss"].dropna().iloc[-1] < history["loss"].dropna().iloc[0]
    assert {path.name for path in model.iterdir()} == {
        ".plan.json.sha256",
        ".training.json.sha256",
        "history.csv",
        "model.safetensors",
        "plan.json",
        "training.json",
    }
    assert not (tmp_path / "checkpoints").exists()


def test_fine_tuning_predicts_phenotypes(cohorts: dict[str, Cohort], tmp_path: Path) -> None:
    """A third of the patients have no ejection fraction; they are trained on for their volume."""
    model = trained(REGRESSION, arm_of(cohorts), tmp_path)
    rows = scored(REGRESSION, model, cohorts["tested"])
    found = regression_performance(rows, [REAL], EvaluationSettings(replicates=100))
    r2 = found[found["metric"] == "r2"]
    r2 = r2.set_index(r2["target"].fillna("mean"))["value"]
    assert r2["lv_edv_ml"] > 0.5 and r2["mean"] > 0.5
    unknown = rows[(rows["metric"] == "phenotype_error") & rows["value"].isna()]
    assert set(unknown["status"]) == {"not_measured"} and set(unknown["target"]) == {"lv_ef"}
    assert len(unknown) == 4 and unknown["note"].str.contains("reference lv_ef is unknown").all()
    units = rows[rows["status"] == "ok"].groupby(["metric", "target"])["unit"].first()
    assert units["phenotype_error", "lv_ef"] == "percentage points"
    assert units["predicted_phenotype", "lv_ef"] == "%" and units["absolute_error_sd", "lv_ef"] == "SD"


@pytest.mark.parametrize("content", [CLASSIFICATION, REGRESSION])
def test_linear_probe_reads_a_frozen_encoder(
    content: dict[str, Any], cohorts: dict[str, Cohort], tmp_path: Path
) -> None:
    content = {**content, "method": "linear_probe"}
    model = trained(content, arm_of(cohorts), tmp_path)
    rows = scored(content, model, cohorts["tested"])
    metric = {"classification": "accuracy", "regression": "absolute_error_sd"}[content["kind"]]
    value = rows.loc[rows["metric"] == metric, "value"].mean()
    assert value > 0.8 if metric == "accuracy" else value < 0.5
    assert read_json(model / "training.json")["iterations"] == 20


def test_random_forest_is_grown_again_from_its_table(cohorts: dict[str, Cohort], tmp_path: Path) -> None:
    """Ejection fraction is unknown of a third of the patients: nothing is imputed."""
    content = {**CLASSIFICATION, "method": "random_forest", "synthetic": "labelled"}
    model = trained(content, arm_of(cohorts), tmp_path)
    data = TrainingData.open(tmp_path / "training-set")
    assert data.plan["features"] == ["lv_edv_ml", "lv_ef", "heart_rate_bpm"] and data.images is None
    assert np.isnan(data.features).any()
    rows = scored(content, model, cohorts["tested"])
    assert rows.loc[rows["metric"] == "accuracy", "value"].mean() == 1
    # Another process, another number of threads: the same forest.
    again = open_task(content)
    again.predict(model, cohorts["tested"], tmp_path / "again", threads=2)
    first, second = (tmp_path / name / "predictions.tsv" for name in ("predictions", "again"))
    assert first.read_bytes() == second.read_bytes()


def test_random_forest_regresses_on_named_features(cohorts: dict[str, Cohort], tmp_path: Path) -> None:
    options = {"method": "random_forest", "synthetic": "labelled", "features": ["own_radius"]}
    content = {**REGRESSION, **options}
    rows = scored(content, trained(content, arm_of(cohorts), tmp_path), cohorts["tested"])
    assert rows.loc[rows["metric"] == "absolute_error_sd", "value"].mean() < 0.3


def stopping_after(steps: int) -> Callable[..., bool]:
    """The loop's step, which sends this process the signal of a scheduler after so many steps."""
    step, done = Loop.step, []

    def stop(self: Loop, *arguments: Any) -> bool:
        done.append(1)
        if len(done) == steps:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, *arguments)

    return stop


def test_a_checkpoint_of_other_images_targets_or_code_is_not_resumed(
    cohorts: dict[str, Cohort], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Began(Exception):
        """Carries what a checkpoint must be of."""

    def begin(*arguments: Any) -> None:
        raise Began(arguments[-1])

    monkeypatch.setattr("synthaug.tasks.image_level.train.NetworkTraining", begin)
    task = open_task({**REGRESSION, **SHORT})
    task.plan(arm_of(cohorts), tmp_path / "plan")

    def identity(folder: Path) -> dict[str, str]:
        with pytest.raises(Began) as began:
            task.train(folder, tmp_path / "model", tmp_path / "checkpoints", 0)
        return began.value.args[0]

    def written(name: str) -> Path:
        task.write_training_set(arm_of(cohorts), tmp_path / "plan", tmp_path / name)
        return tmp_path / name

    def changed(folder: Path) -> set[str]:
        return {key for key, value in identity(folder).items() if value != first[key]}

    first = identity(written("first"))
    other = written("again")
    assert changed(other) == set()
    with np.load(other / "arrays.npz") as arrays:
        content = dict(arrays)
    np.savez(other / "arrays.npz", **{**content, "targets": 2 * content["targets"]})
    assert changed(other) == {"settings or training set"}
    with monkeypatch.context() as patch:
        patch.setattr(
            "synthaug.tasks.image_level.training_set.read_cine", lambda *given: read_cine(*given) ** 2
        )
        assert changed(written("images")) == {"settings or training set"}
    monkeypatch.setattr("synthaug.tasks.image_level.train.package_code", lambda modules: "edited")
    assert changed(tmp_path / "first") == {"code"}


@pytest.mark.parametrize("steps", [2, 4, 6])
def test_an_interrupted_training_ends_with_the_same_weights(
    steps: int, cohorts: dict[str, Cohort], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in pre-training, at its end, and in fine-tuning."""
    content = {**REGRESSION, **SHORT, "synthetic": "labelled", "order_weight": 0.3}
    arm = arm_of(cohorts, synthetic=True)
    arm = replace(arm, record={**arm.record, "sampling": {"real_share": 0.5, "pretrain": 0.0}})
    whole = trained(content, arm, tmp_path)
    task = open_task(content)
    arguments = (tmp_path / "training-set", tmp_path / "resumed", tmp_path / "checkpoints", 0)
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "step", stopping_after(steps))
        with pytest.raises(SystemExit) as ended:
            task.train(*arguments)
    assert ended.value.code == INTERRUPTED and not (tmp_path / "resumed").exists()
    task.train(*arguments)
    for file in ("model.safetensors", "history.csv"):
        assert (whole / file).read_bytes() == (tmp_path / "resumed" / file).read_bytes()
    task.train(*arguments[:1], tmp_path / "other", tmp_path / "checkpoints", 1)
    assert (whole / "model.safetensors").read_bytes() != (tmp_path / "other/model.safetensors").read_bytes()


@pytest.mark.parametrize("synthetic", ["unlabelled", "labelled"])
def test_who_is_pretrained_and_fine_tuned_on(
    synthetic: str, cohorts: dict[str, Cohort], tmp_path: Path
) -> None:
    """Diagnosis HCM is no class, and two synthetic subjects have none: four of eight are labelled."""
    content = {**CLASSIFICATION, **SHORT, "synthetic": synthetic}
    model = trained(content, arm_of(cohorts, synthetic=True), tmp_path)
    data, record = TrainingData.open(tmp_path / "training-set"), read_json(model / "training.json")
    assert not set(data.trained) & set(data.validation) and not set(data.labelled) & set(data.validation)
    assert record["subjects"] == {"real": 12, "synthetic": 8, "repeated": 0, "classical": 0, "extra-real": 0}
    assert record["labelled_subjects"]["real"] == 12
    assert record["labelled_subjects"]["synthetic"] == (4 if synthetic == "labelled" else 0)
    left_out = {"diagnosis HCM is in no class": 2, "diagnosis unknown": 2}
    assert record["left_out"] == ({"synthetic": left_out} if synthetic == "labelled" else {})
    # Whom the generator saw is among them.
    assert record["seen"] == sorted([*cohorts["real"].subjects, *cohorts["checked"].subjects])
    assert record["expected_real_exposure"]["pretraining"] == pytest.approx(12 / 20)


@pytest.mark.parametrize(("conditions", "labelled"), [(["lv_edv_ml"], 0), (["diagnosis"], 4)])
def test_a_diagnosis_that_the_generator_does_not_take_is_no_label(
    conditions: list[str], labelled: int, cohorts: dict[str, Cohort], tmp_path: Path
) -> None:
    arm = arm_of(cohorts, synthetic=True)
    assert arm.synthetic is not None
    made = replace(arm.synthetic, meta={**arm.synthetic.meta, "conditions": conditions})
    arm, task = replace(arm, synthetic=made), open_task({**CLASSIFICATION, "synthetic": "labelled"})
    task.plan(arm, tmp_path / "plan")
    task.write_training_set(arm, tmp_path / "plan", tmp_path / "set")
    data = TrainingData.open(tmp_path / "set")
    assert data.sources(data.labelled).count("synthetic") == labelled
    reasons = data.record["left_out"]["synthetic"]
    assert ("the generator is not conditioned on the diagnosis" in reasons) == (not labelled)


def test_a_tested_patient_that_was_seen_is_refused(cohorts: dict[str, Cohort], tmp_path: Path) -> None:
    content = {**CLASSIFICATION, **SHORT}
    arm = arm_of(cohorts, synthetic=True)
    assert arm.synthetic is not None
    leaking = replace(arm.synthetic, meta={**arm.synthetic.meta, "seen": ["tested-03"]})
    model = trained(content, replace(arm, synthetic=leaking), tmp_path)
    task, tested = open_task(content), cohorts["tested"]
    task.predict(model, tested, tmp_path / "predictions")
    split = split_of(dict.fromkeys(tested.subjects, "test"))
    with pytest.raises(SynthaugError, match="was trained on tested-03, tested in this fold"):
        score_tested(task, tmp_path / "predictions", joined(tested), split, FIELDS)


def test_copies_of_patients(cohorts: dict[str, Cohort], tmp_path: Path) -> None:
    """Repeated copies share the image; a classical copy has its own, and a volume that grew with the heart."""
    content, plan = {**REGRESSION, "synthetic": "labelled"}, arm_of(cohorts)
    task = open_task(content)
    task.plan(plan, tmp_path / "plan")
    found = {}
    for control in ("repeated", "classical"):
        arm = arm_of(cohorts, synthetic=True, control=control)
        task.write_training_set(arm, tmp_path / "plan", tmp_path / control)
        found[control] = TrainingData.open(tmp_path / control)
    for control, data in found.items():
        copies = data.table[data.table["source"] == control]
        assert len(copies) == 8
        originals = data.table.set_index(data.table["subject"] + data.table["source"])
        own = originals.loc[copies["subject"] + "real"]
        assert data.images is not None
        same = [
            np.array_equal(data.images[first], data.images[second])
            for first, second in zip(copies["image"], own["image"], strict=True)
        ]
        assert all(same) if control == "repeated" else not any(same)
        volumes = data.targets[copies.index, 0] * data.plan["targets"]["lv_edv_ml"]["sd"]
        volumes = volumes + data.plan["targets"]["lv_edv_ml"]["mean"]
        reference = cohorts["real"].phenotypes.loc[copies["subject"], "lv_edv_ml"].to_numpy()
        ratio = volumes / reference
        if control == "repeated":
            assert np.allclose(ratio, 1)
        else:  # a volume grows with the square of an in-plane enlargement of 0.9 to 1.1
            assert (ratio > 0.8).all() and (ratio < 1.22).all() and np.ptp(ratio) > 0.01
            # An enlarged disc is larger in the image too.
            area = [float((data.images[number] > 0.5).mean()) for number in (*copies["image"], *own["image"])]
            grown = np.array(area[:8]) / np.array(area[8:])
            assert np.corrcoef(grown, ratio)[0, 1] > 0.5


def test_a_control_of_exposure_trains_as_long_as_its_arm_sees_real_patients(
    cohorts: dict[str, Cohort], tmp_path: Path
) -> None:
    content = {**CLASSIFICATION, "pretraining_iterations": 10, "iterations": 8, "synthetic": "labelled"}
    arm = arm_of(cohorts, synthetic=True, control="exposure")
    record = read_json(trained(content, arm, tmp_path) / "training.json")
    # 12 real of 20 subjects; of 8 matched ones 4 are labelled: 12 of 16.
    assert record["iterations_of"] == {"pretraining": 6, "fine_tuning": 6}


@pytest.mark.parametrize("control", ["repeated", "classical"])
def test_a_control_has_as_many_labelled_copies_as_its_arm_has_labelled_synthetic_subjects(
    control: str, cohorts: dict[str, Cohort], tmp_path: Path
) -> None:
    """Of eight synthetic subjects four are of a class: eight copies are pre-trained on, four of them fine-tuned on."""
    task, arm = (
        open_task({**CLASSIFICATION, "synthetic": "labelled"}),
        arm_of(cohorts, synthetic=True, control=control),
    )
    task.plan(arm, tmp_path / "plan")
    task.write_training_set(arm, tmp_path / "plan", tmp_path / "set")
    data = TrainingData.open(tmp_path / "set")
    assert data.sources(data.trained).count(control) == 8
    assert data.sources(data.labelled).count(control) == 4 and data.sources(data.labelled).count("real") == 12
    assert data.record["left_out"] == {control: {"more copies than labelled synthetic subjects": 4}}


def test_exchanged_labels_and_shuffled_images(cohorts: dict[str, Cohort], tmp_path: Path) -> None:
    content = {**CLASSIFICATION, "synthetic": "labelled"}
    task = open_task(content)
    plain = arm_of(cohorts, synthetic=True)
    task.plan(plain, tmp_path / "plan")
    found = {}
    for corruption in ("none", "labels", "images"):
        table = plain.table.copy()
        table.loc[table["source"] == "synthetic", "corruption"] = corruption
        task.write_training_set(
            replace(plain, table=table, record={**plain.record, "corruption": corruption}),
            tmp_path / "plan",
            tmp_path / corruption,
        )
        found[corruption] = TrainingData.open(tmp_path / corruption)
    made = np.flatnonzero(found["none"].table["source"] == "synthetic")
    known = made[found["none"].table["labelled"].iloc[made]]
    assert sorted(found["labels"].targets[known, 0]) == sorted(found["none"].targets[known, 0])
    image = found["none"].table["image"].iloc[made[0]]
    none, shuffled = (found[name].images for name in ("none", "images"))
    assert none is not None and shuffled is not None
    assert not np.array_equal(none[image], shuffled[image])
    assert np.array_equal(none[0], shuffled[0])  # real patients stay as they are


def test_without_labelled_synthetic_subjects_there_are_no_labels_to_exchange(
    cohorts: dict[str, Cohort], tmp_path: Path
) -> None:
    """Of a generator that is not conditioned on the diagnosis."""
    task = open_task({**CLASSIFICATION, "synthetic": "labelled"})
    plain = arm_of(cohorts, synthetic=True)
    assert plain.synthetic is not None
    unknown = plain.synthetic.table.assign(diagnosis=pd.NA)
    table = plain.table.copy()
    table.loc[table["source"] == "synthetic", "corruption"] = "labels"
    arm = replace(plain, synthetic=replace(plain.synthetic, table=unknown), table=table)
    task.plan(arm, tmp_path / "plan")
    task.write_training_set(arm, tmp_path / "plan", tmp_path / "set")
    written = TrainingData.open(tmp_path / "set").table
    assert not written.loc[written["source"] == "synthetic", "labelled"].any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"targets": ["lv_edvml"]}, r"targets: .* has no phenotype 'lv_edvml'; did you mean 'lv_edv_ml'\?"),
        ({"targets": ["missing"]}, "phenotype 'missing' .* are no numbers"),
        ({"targets": ["heart_rate_bpm"]}, "heart_rate_bpm is 60 for all training patients"),
        ({"targets": ["rare"]}, "rare is missing for 10 of 12 training patients"),
        ({"patch": [16, 16]}, "covers the whole clip"),
    ],
)
def test_regression_refuses_in_one_line(
    changes: dict[str, Any], message: str, cohorts: dict[str, Cohort], tmp_path: Path
) -> None:
    arm = arm_of(cohorts)
    phenotypes = arm.real.phenotypes.assign(rare=np.nan, missing="a text")
    phenotypes.loc[["real-00", "real-01"], "rare"] = [1.0, 2.0]
    arm = replace(arm, real=replace(arm.real, phenotypes=phenotypes))
    with pytest.raises(SynthaugError, match=message) as refused:
        open_task({**REGRESSION, **changes}).plan(arm, tmp_path / "plan")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("classes", "patients", "message"),
    [
        ({"a": ["NOR"], "b": ["HCM"]}, 12, r"class 'b' \(HCM\) has no training patient in this fold"),
        ({}, 1, "all training patients have the diagnosis NOR"),
        ({"a": ["NOR"], "b": ["DCM"], "c": ["HCM"]}, 2, "2 training patients of 3 classes"),
    ],
)
def test_classification_refuses_in_one_line(
    classes: dict[str, list[str]], patients: int, message: str, cohorts: dict[str, Cohort], tmp_path: Path
) -> None:
    arm = arm_of({**cohorts, "real": cohorts["real"].select(cohorts["real"].subjects[:patients])})
    with pytest.raises(SynthaugError, match=message) as refused:
        open_task({**CLASSIFICATION, "classes": classes}).plan(arm, tmp_path / "plan")
    assert "\n" not in str(refused.value)


def test_declared_classes_leave_others_out_and_count_them(cohorts: dict[str, Cohort], tmp_path: Path) -> None:
    table = cohorts["real"].table.copy()
    table.loc[["real-02", "real-04"], "diagnosis"] = ["HCM", None]
    real = replace(cohorts["real"], table=table)
    content = {**CLASSIFICATION, "classes": {"normal": ["NOR"], "ill": ["DCM", "MINF"]}}
    open_task(content).plan(arm_of({**cohorts, "real": real}), tmp_path / "plan")
    plan = read_json(tmp_path / "plan" / "plan.json")
    assert plan["patients_of_class"] == {"normal": 4, "ill": 6}
    assert plan["left_out"] == {"diagnosis HCM is in no class": 1, "diagnosis unknown": 1}


def test_an_arm_without_real_patients_needs_labelled_synthetic_ones(
    cohorts: dict[str, Cohort], tmp_path: Path
) -> None:
    arm = arm_of(cohorts, synthetic=True)
    alone = replace(arm, table=arm.table[arm.table["source"] != "real"])
    task = open_task(CLASSIFICATION)
    task.plan(arm, tmp_path / "plan")
    with pytest.raises(
        SynthaugError, match="no labelled training subject; give the arm real patients or set"
    ):
        task.write_training_set(alone, tmp_path / "plan", tmp_path / "set")
    labelled = open_task({**CLASSIFICATION, "synthetic": "labelled"})
    labelled.write_training_set(alone, tmp_path / "plan", tmp_path / "set")
    assert len(TrainingData.open(tmp_path / "set").labelled) == 4


def test_added_subjects_first_needs_iterations(cohorts: dict[str, Cohort], tmp_path: Path) -> None:
    arm = arm_of(cohorts, synthetic=True)
    arm = replace(arm, record={**arm.record, "sampling": {"real_share": None, "pretrain": 0.5}})
    task = open_task({**CLASSIFICATION, "method": "linear_probe", "synthetic": "labelled"})
    task.plan(arm, tmp_path / "plan")
    with pytest.raises(SynthaugError, match="pretrain needs iterations on labelled subjects"):
        task.write_training_set(arm, tmp_path / "plan", tmp_path / "set")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pretraining_iterations": 0}, "leaves synthetic subjects unused"),
        ({"method": "random_forest"}, "all arms would be alike"),
        (
            {"method": "linear_probe", "pretraining_iterations": 0, "synthetic": "labelled"},
            "reads a pre-trained encoder",
        ),
        ({"heads": 5}, "multiples of heads"),
        ({"classes": {"a": ["NOR"]}}, "name two or more"),
        ({"classes": {"a": ["NOR"], "b": ["NOR"]}}, "'NOR' appears twice"),
        ({"kind": "regression", "targets": ["lv_ef", "lv_ef"]}, "'lv_ef' appears twice"),
        (
            {"kind": "regression", "method": "random_forest", "synthetic": "labelled"},
            "name them under features",
        ),
        (
            {
                "kind": "regression",
                "method": "random_forest",
                "synthetic": "labelled",
                "features": ["lv_ef"],
                "targets": ["lv_ef"],
            },
            "'lv_ef' is also a target",
        ),
    ],
)
def test_settings_that_mean_nothing_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_task({"kind": "classification", **changes})


def test_steps_depend_on_their_own_settings() -> None:
    settings = open_task({**CLASSIFICATION, "classes": {"a": ["NOR"], "b": ["DCM"]}}).settings
    for step in ("plan", "training_set", "training", "prediction", "scoring"):
        open_task(settings.of_step(step))  # what is left out has defaults that fit the rest
    assert "iterations" not in settings.of_step("training_set")
    assert settings.of_step("scoring") == {"kind": "classification"}
    forest = open_task({**CLASSIFICATION, "method": "random_forest", "synthetic": "labelled"}).settings
    assert forest.reads_phenotypes and not settings.reads_phenotypes
    for step in ("plan", "training_set", "training"):
        assert open_task(forest.of_step(step)).settings.method == "random_forest"


@pytest.mark.parametrize("changes", [{"method": "random_forest"}, {"pretraining_iterations": 0}])
def test_steps_of_a_bar_on_real_patients_are_read_again(changes: dict[str, Any]) -> None:
    """They say of themselves that they have real arms only, without which they would be refused."""
    settings = open_task({**CLASSIFICATION, **changes, "arms": "real"}).settings
    for step in ("plan", "training_set", "training", "prediction", "scoring"):
        assert open_task(settings.of_step(step)).settings.arms == "real"
    assert "arms" not in open_task({**CLASSIFICATION, "arms": "real"}).settings.of_step("training")


def test_a_cine_of_another_matrix_and_changed_weights_are_refused(
    cohorts: dict[str, Cohort], tmp_path: Path
) -> None:
    content = {**CLASSIFICATION, **SHORT, "frames": 3, "image_size": [8, 12]}
    arm = arm_of(cohorts)
    model = trained(content, arm, tmp_path)
    data = TrainingData.open(tmp_path / "training-set")
    assert data.images is not None and data.images.shape[1:] == (2, 3, 8, 12)
    plan = read_json(model / "plan.json")
    assert plan["matrix"] == [4, 16, 16] and plan["patch"] == [3, 4, 4]
    write_text(model / "plan.json", (model / "plan.json").read_text().replace("16", "20"))
    with pytest.raises(SynthaugError, match="differ from the plan's"):
        open_task(content).predict(model, cohorts["tested"], tmp_path / "predictions")
    (model / "model.safetensors").write_bytes(b"0")
    with pytest.raises(SynthaugError, match=r"checksum differs from training\.json"):
        open_task(content).predict(model, cohorts["tested"], tmp_path / "predictions")
