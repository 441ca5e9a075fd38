"""The table of an arm's training subjects, which no task has a part in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from arm_cohorts import joined, split_of
from made_hearts import made_cohort

from synthaug.config.arms import ArmSettings, resolve_arms
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.tasks.sampling import Sampling
from synthaug.tasks.training_subjects import (
    COLUMNS,
    SOURCES,
    TrainingSubjects,
    choose_training_subjects,
    copies_to_size,
)


@pytest.fixture(scope="module")
def cohorts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cohort]:
    root = tmp_path_factory.mktemp("cohorts")
    real, validation = made_cohort(root / "real", "real", 4), made_cohort(root / "validation", "checked", 1)
    synthetic = made_cohort(root / "made", "made", 6, "synthetic", seen=["real-00"])
    return {"real": joined(real, validation), "synthetic": synthetic}


def chosen(cohorts: dict[str, Cohort], name: str, seed: int = 0, **settings: object) -> TrainingSubjects:
    every = ["repeated", "classical", "exposure", "mislabelled"]
    arms = resolve_arms(
        {"low": ArmSettings.model_validate({"generator": "g", "controls": every, **settings})}
    )
    roles = dict.fromkeys(cohorts["real"].subjects, "train") | {"checked-00": "validation"}
    return choose_training_subjects(
        arms[name], cohorts["real"], split_of(roles), cohorts["synthetic"], seed=seed
    )


def counts(training: TrainingSubjects) -> dict[tuple[str, str], int]:
    return training.table.groupby(["role", "source"]).size().to_dict()


def test_an_arm_lists_real_synthetic_and_validation_subjects(cohorts: dict[str, Cohort]) -> None:
    training = chosen(cohorts, "low", dose=1.5)
    assert list(training.table) == list(COLUMNS) and set(training.table["source"]) <= set(SOURCES)
    assert counts(training) == {("train", "real"): 4, ("train", "synthetic"): 6, ("validation", "real"): 1}
    assert training.cohort("train", "synthetic").subjects == cohorts["synthetic"].subjects
    assert training.record["labelled_patients"] == 4
    assert training.record["generator_labelled_patients"] == 1


def test_a_size_matched_control_lists_copies_of_as_many_patients(cohorts: dict[str, Cohort]) -> None:
    for control in ("repeated", "classical"):
        training = chosen(cohorts, f"low-{control}", dose=1.5)
        assert counts(training)["train", control] == counts(training)["matched", "synthetic"] == 6
        copies = training.rows("train", control)
        assert copies["copy"].tolist() == [1, 1, 1, 1, 2, 2]  # every patient once before any twice
        assert sorted(copies["subject"][:4]) == ["real-00", "real-01", "real-02", "real-03"]
        assert training.copies == control
    other = chosen(cohorts, "low-repeated", seed=1, dose=1.5).rows("train", "repeated")
    assert other["subject"].tolist() != copies["subject"].tolist()


def test_a_control_has_the_same_cases_whichever_generator_it_matches(
    cohorts: dict[str, Cohort], tmp_path: Path
) -> None:
    """Which is why arms of several generators share it."""
    other = {**cohorts, "synthetic": made_cohort(tmp_path / "other", "other", 9, "synthetic")}
    for control in ("repeated", "classical", "exposure"):
        one, two = (chosen(each, f"low-{control}", dose=1.5) for each in (cohorts, other))
        assert one.rows("train").equals(two.rows("train")) and one.record == two.record
        assert counts(one) == counts(two)


def test_visits_are_subjects_of_one_patient(cohorts: dict[str, Cohort]) -> None:
    real, visits = cohorts["real"], {f"real-{number:02d}": f"p{number // 2}" for number in range(4)}
    arms = resolve_arms({"low": ArmSettings.model_validate({"generator": "g", "real": 0.5, "dose": 1})})
    roles = dict.fromkeys(real.subjects, "train") | {"checked-00": "validation"}
    # As `split.same_patient` joins them: the cohort's own table does not know.
    split = split_of(roles).assign(patient=[visits.get(subject, subject) for subject in roles])
    training = choose_training_subjects(arms["low"], real, split, cohorts["synthetic"])
    own = training.rows("train", "real")["subject"].tolist()
    assert own in (["real-00", "real-01"], ["real-02", "real-03"])
    assert counts(training)["train", "synthetic"] == 2 and training.record["labelled_patients"] == 1
    # The generator saw the labels of both patients, two visits each.
    everyone = replace(cohorts["synthetic"], meta={**cohorts["synthetic"].meta, "seen": real.subjects[:4]})
    seen = choose_training_subjects(arms["low"], real, split, everyone).record
    assert seen["generator_labelled_patients"] == 2


def test_a_generator_that_saw_another_visit_of_a_held_out_patient_is_refused(
    cohorts: dict[str, Cohort],
) -> None:
    real, arm = cohorts["real"], resolve_arms({"arm": ArmSettings(generator="g", dose=1)})["arm"]
    roles = dict.fromkeys(real.subjects[:2], "train") | {
        "real-02": "unused",
        "real-03": "test",
        "checked-00": "validation",
    }
    split = split_of(roles).assign(patient=["p0", "p1", "p3", "p3", "checked-00"])
    made = replace(cohorts["synthetic"], meta={**cohorts["synthetic"].meta, "seen": ["real-00", "real-02"]})
    with pytest.raises(
        SynthaugError, match="generator saw real-02, a visit of patient p3, which is tested; train it"
    ):
        choose_training_subjects(arm, real, split, made)
    choose_training_subjects(arm, real, split.assign(patient=split["subject"]), made)


def test_further_patients_are_as_many_subjects_of_others(tmp_path: Path) -> None:
    real = made_cohort(tmp_path / "real", "real", 5)
    validation = made_cohort(tmp_path / "validation", "checked", 1)
    synthetic = made_cohort(tmp_path / "made", "made", 4, "synthetic")
    settings = {"generator": "g", "real": 0.5, "dose": 1, "controls": ["extra-real"]}
    arm = resolve_arms({"low": ArmSettings.model_validate(settings)})["low-extra-real"]
    roles = dict.fromkeys(real.subjects, "train") | {"checked-00": "validation"}

    def sizes(patients: list[str]) -> tuple[int, int]:
        split = split_of(roles).assign(patient=[*patients, "checked-00"])
        training = choose_training_subjects(arm, joined(real, validation), split, synthetic)
        parts = [training.rows("train", source)["subject"] for source in ("real", "extra-real")]
        owners = dict(zip(roles, [*patients, "checked-00"], strict=True))
        assert not {owners[subject] for subject in parts[0]} & {owners[subject] for subject in parts[1]}
        return len(parts[0]), len(parts[1])

    assert sizes(["a", "b", "c", "d", "e"]) in ((2, 2), (3, 2))  # of five, either half
    assert sizes(["a", "a", "b", "b", "c"])[1] <= 2


def test_copies_match_a_size_in_any_unit() -> None:
    assert copies_to_size({"a": 1, "b": 1, "c": 0}, 3, seed=0) in (
        [(1, "a", 1), (1, "b", 1), (2, "a", 1)],
        [(1, "b", 1), (1, "a", 1), (2, "b", 1)],
    )
    sizes = {"a": 2, "b": 2}
    copies = copies_to_size(sizes, 7, seed=0)
    assert sum(part for _, _, part in copies) == 7 and copies[-1][2] == 1
    assert [number for number, _, _ in copies] == [1, 1, 2, 2]
    assert copies_to_size({}, 7, seed=0) == [] == copies_to_size(sizes, 0, seed=0)


def test_a_control_of_exposure_follows_the_draws_of_its_arm(cohorts: dict[str, Cohort]) -> None:
    training = chosen(cohorts, "low-exposure", dose=1.5)
    assert counts(training)["matched", "synthetic"] == 6 and training.copies is None
    assert training.sampling({"real": 4}, 6) == Sampling(iterations_share=0.4)
    drawn = chosen(cohorts, "low-exposure", dose=1.5, real_share=0.7)
    assert drawn.sampling({"real": 4}, 6) == Sampling(iterations_share=0.7)
    tuned = chosen(cohorts, "low-exposure", dose=1.5, pretrain=0.75)
    assert tuned.sampling({"real": 4}, 6) == Sampling(iterations_share=0.25)
    assert chosen(cohorts, "low", dose=1.5, pretrain=0.75).sampling({"real": 4}, 0) == Sampling(pretrain=0.75)


def test_a_corruption_is_of_synthetic_subjects(cohorts: dict[str, Cohort]) -> None:
    rows = chosen(cohorts, "low-mislabelled", dose=1).table
    assert set(rows.loc[rows["source"] == "synthetic", "corruption"]) == {"labels"}
    assert set(rows.loc[rows["source"] != "synthetic", "corruption"]) == {"none"}


def test_the_table_is_read_as_it_was_written(cohorts: dict[str, Cohort], tmp_path: Path) -> None:
    training = chosen(cohorts, "low-classical", dose=1.5)
    training.write(tmp_path / "arm")
    again = TrainingSubjects.read(tmp_path / "arm", cohorts["real"], cohorts["synthetic"])
    pd.testing.assert_frame_equal(again.table.astype("string"), training.table.astype("string"))
    assert again.record == training.record
    with pytest.raises(SynthaugError, match="names synthetic subjects; give the synthetic cohort"):
        TrainingSubjects.read(tmp_path / "arm", cohorts["real"])
