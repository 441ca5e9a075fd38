"""Training subjects of an arm from cohorts that are at hand."""

from __future__ import annotations

import pandas as pd

from synthaug.config.arms import Arm, Control
from synthaug.data.cohort import Cohort
from synthaug.tasks.training_subjects import TrainingSubjects, choose_training_subjects


def joined(*cohorts: Cohort) -> Cohort:
    """One cohort of the subjects of several."""
    folders = {subject: cohort.folders[subject] for cohort in cohorts for subject in cohort.subjects}
    table = pd.concat([cohort.table for cohort in cohorts])
    return Cohort("+".join(cohort.name for cohort in cohorts), "real", table, folders, cohorts[0].meta)


def split_of(roles: dict[str, str]) -> pd.DataFrame:
    """A fold's table from the role of each subject."""
    constant = {"dataset": "d", "vendor": "A", "diagnosis": "NOR", "labelled": True}
    return pd.DataFrame(
        {"subject": list(roles), "patient": list(roles), **constant, "role": list(roles.values())}
    )


def subjects_of_arm(
    real: Cohort,
    validation: Cohort,
    synthetic: Cohort | None = None,
    control: Control | None = None,
    share: float = 1.0,
    seed: int = 0,
    tested: tuple[str, ...] = (),
) -> TrainingSubjects:
    """An arm of a share of real patients and of all synthetic subjects, or its control."""
    dose = len(synthetic.subjects) / len(real.subjects) if synthetic is not None else 0.0
    arm = Arm(
        "arm" if control is None else f"arm-{control}",
        share,
        "g" if synthetic is not None else None,
        dose,
        control=control,
        control_of=("arm",) if control else (),
    )
    roles = dict.fromkeys(real.subjects, "train") | dict.fromkeys(validation.subjects, "validation")
    split = split_of(roles | dict.fromkeys(tested, "test"))
    return choose_training_subjects(arm, joined(real, validation), split, synthetic, seed=seed)
