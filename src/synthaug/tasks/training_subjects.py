"""The training subjects of an arm, as a table that every task reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthaug.config.arms import SIZE_MATCHED, Arm
from synthaug.core.artifacts import atomic_folder, read_json, read_tsv, write_json, write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.data.splits import all_tested, in_nested_order, patients_in, share_of_subjects, subjects_of
from synthaug.tasks.sampling import Sampling

#: Columns of ``subjects.tsv``.
COLUMNS = ("subject", "cohort", "source", "copy", "corruption", "role")
#: Where a training subject comes from: the arm's patients, generators, or in a control copies of the patients
#: or further patients.
SOURCES = ("real", "synthetic", "repeated", "classical", "extra-real")
#: Sources whose images are real ones as they were acquired.
REAL_SOURCES = ("real", "repeated", "extra-real")


@dataclass(frozen=True)
class TrainingSubjects:
    """The training subjects of an arm in one fold, with one generator seed.

    Attributes
    ----------
    table : DataFrame
        One row a subject: ``subject``; ``cohort`` (``"real"`` or ``"synthetic"``); ``source`` (of `SOURCES`);
        ``copy`` (1, 2, ... of a copied patient, empty otherwise); ``corruption`` (``"none"``, ``"labels"`` or
        ``"images"``); ``role``. Subjects of role ``"train"`` are trained on, those of role ``"validation"``
        are real and validate. Subjects of role ``"matched"`` are not in the training set: they are the synthetic subjects
        of the arm that a control matches in size or in real exposure.
    record : dict
        ``name``, ``control``; ``sampling`` and, in a control of real exposure, ``matched_sampling``
        (fields of `Sampling`); ``seed`` of copies, augmentation and corruption; ``labelled_patients`` and
        ``generator_labelled_patients``.
    real : Cohort
        All real subjects of the study.
    synthetic : Cohort or None
        All synthetic subjects of the arm's generator.
    """

    table: pd.DataFrame
    record: dict[str, Any]
    real: Cohort
    synthetic: Cohort | None = None

    def rows(self, role: str, source: str | None = None) -> pd.DataFrame:
        """Rows of one role, and of one source where it is given."""
        chosen = self.table["role"] == role
        return self.table[chosen if source is None else chosen & (self.table["source"] == source)]

    def cohort(self, role: str, source: str) -> Cohort:
        """The subjects of one role and source as a cohort, in the order of the table; not for copies."""
        cohort = self.synthetic if source == "synthetic" else self.real
        if cohort is None:
            return self.real.select([])
        return cohort.select(self.rows(role, source)["subject"].tolist())

    @property
    def seed(self) -> int:
        """Seed of copies, augmentation and corruption."""
        return int(self.record["seed"])

    @property
    def copies(self) -> str | None:
        """How the patients of this arm are copied: ``"repeated"``, ``"classical"``, or None."""
        return self.record["control"] if self.record["control"] in SIZE_MATCHED else None

    def copies_to_size(self, sizes: Mapping[str, int], size: int) -> list[tuple[int, str, int]]:
        """`copies_to_size` with the seed of this arm."""
        return copies_to_size(sizes, size, self.seed)

    def sampling(self, sizes: Mapping[str, int], matched: int) -> Sampling:
        """How the training draws, for a task whose training cases are counted.

        Parameters
        ----------
        sizes : mapping of str to int
            Training cases of each source.
        matched : int
            Training cases that the subjects of role ``"matched"`` would give.

        Returns
        -------
        Sampling
            A control of real exposure trains for the share of the iterations that its arm spends on real cases.
        """
        sampling = Sampling(**self.record["sampling"])
        if "matched_sampling" not in self.record:
            return sampling
        of_arm = Sampling(**self.record["matched_sampling"])
        share = of_arm.expected_real_share({"real": sizes["real"], "synthetic": matched})
        return Sampling(sampling.real_share, sampling.pretrain, share)

    def write(self, folder: str | Path) -> None:
        """Write ``subjects.tsv`` and ``arm.json`` to a folder, atomically."""
        with atomic_folder(folder) as output:
            write_tsv(output / "subjects.tsv", self.table)
            write_json(output / "arm.json", self.record, checksum=True)

    @classmethod
    def read(cls, folder: str | Path, real: Cohort, synthetic: Cohort | None = None) -> TrainingSubjects:
        """Read what `write` wrote.

        Parameters
        ----------
        folder : path
            Folder with ``subjects.tsv`` and ``arm.json``.
        real : Cohort
            All real subjects of the study.
        synthetic : Cohort, optional
            All synthetic subjects of the arm's generator.

        Raises
        ------
        SynthaugError
            The table names synthetic subjects and no synthetic cohort is given.
        """
        texts = [column for column in COLUMNS if column != "copy"]
        table = read_tsv(Path(folder) / "subjects.tsv", texts).astype({"copy": "Int64"})
        if synthetic is None and (table["cohort"] == "synthetic").any():
            raise SynthaugError(f"{folder}: names synthetic subjects; give the synthetic cohort of the arm")
        return cls(table, read_json(Path(folder) / "arm.json"), real, synthetic)


def choose_training_subjects(
    arm: Arm,
    real: Cohort,
    split: pd.DataFrame,
    synthetic: Cohort | None = None,
    split_seed: int = 0,
    seed: int = 0,
    refused: Collection[str] = (),
) -> TrainingSubjects:
    """Choose the training subjects of one arm, declared or a control.

    Parameters
    ----------
    arm : Arm
        The arm.
    real : Cohort
        All real subjects of the study.
    split : DataFrame
        The fold's table.
    synthetic : Cohort, optional
        All synthetic subjects of the arm's generator; for an arm that adds some, and for a control that matches them.
    split_seed : int
        Seed of the order in which a share of the patients is taken.
    seed : int
        Seed of copies, augmentation and corruption.
    refused : collection of str
        Synthetic subjects that are not taken: copies of training patients (`synthaug.measures.memorisation.copies`).

    Raises
    ------
    SynthaugError
        A fraction is no patient; a dose asks for more than there is; a patient is on both sides; the generator saw a
        patient that validates or is tested; cohorts of different spacing.
    """
    # Whose a subject is says the split: it joins what `split.same_patient` declares.
    fold = real.select(subjects_of(split, "train", labelled=True)).with_patients(patients_in(split))
    own = share_of_subjects(fold, arm.real, split_seed, f"arms.{arm.name}.real") if arm.real else None
    validation = real.select(subjects_of(split, "validation", labelled=True))
    added = matched = further = None
    if synthetic is not None and (arm.adds_synthetic or arm.matches_synthetic):
        chosen = select_synthetic(synthetic, arm.dose, len((own or fold).subjects), refused)
        added, matched = (chosen, None) if arm.adds_synthetic else (None, chosen)
    if arm.control == "extra-real" and own is not None:
        further = select_further(fold, own, arm.dose, split_seed, arm.name.removesuffix("-extra-real"))
    held_out = all_tested(split)
    for patients in (own, further):
        _refuse_leaks(patients, validation, added, held_out, patients_in(split))
    for cohort in (own, added, further):
        if cohort is not None and cohort.spacing_mm != validation.spacing_mm:
            raise SynthaugError(
                f"{cohort.name}: spacing {cohort.spacing_mm} mm differs from {validation.name}'s "
                f"{validation.spacing_mm}; harmonise both alike"
            )
    copies: list[tuple[int, str, int]] = []
    if arm.control in SIZE_MATCHED and own is not None and matched is not None:
        copies = copies_to_size(dict.fromkeys(own.subjects, 1), len(matched.subjects), seed)
    rows = [
        *_rows(own, "real", "real", "train"),
        *((subject, "real", arm.control, number, "none", "train") for number, subject, _ in copies),
        *_rows(further, "real", "extra-real", "train"),
        *_rows(added, "synthetic", "synthetic", "train", arm.corruption),
        *_rows(matched, "synthetic", "synthetic", "matched"),
        *_rows(validation, "real", "real", "validation"),
    ]
    record: dict[str, Any] = {
        "name": arm.name,
        "control": arm.control,
        "corruption": arm.corruption,
        "sampling": {"real_share": arm.real_share, "pretrain": arm.pretrain},
        "seed": seed,
        "labelled_patients": own.table["patient"].nunique() if own is not None else 0,
        "generator_labelled_patients": labels_seen(added, split),
    }
    if arm.control == "exposure":
        real_share, pretrain = arm.matched_sampling
        record["matched_sampling"] = {"real_share": real_share, "pretrain": pretrain}
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"copy": "Int64"})
    return TrainingSubjects(table, record, real, synthetic)


def _rows(
    cohort: Cohort | None, kind: str, source: str, role: str, corruption: str = "none"
) -> Iterator[tuple[Any, ...]]:
    for subject in cohort.subjects if cohort is not None else ():
        yield subject, kind, source, None, corruption, role


def expected_real_exposure(sizes: Mapping[str, int], sampling: Sampling) -> float:
    """Share of the draws that are real cases as acquired: the arm's own, and those added in a control.

    Parameters
    ----------
    sizes : mapping of str to int
        Training cases of each source.
    sampling : Sampling
        How they are drawn.
    """
    own = sampling.expected_real_share(sizes)
    added = {source: count for source, count in sizes.items() if source != "real"}
    real = sum(count for source, count in added.items() if source in REAL_SOURCES)
    return own + (1 - own) * real / max(1, sum(added.values()))


def copies_to_size(sizes: Mapping[str, int], size: int, seed: int) -> list[tuple[int, str, int]]:
    """Patients copied over and over, until the copies have a given size.

    Parameters
    ----------
    sizes : mapping of str to int
        Size of each patient: 1 where patients are counted, training cases where those are.
    size : int
        Size that all copies together shall have.
    seed : int
        Seed of the order of the patients.

    Returns
    -------
    list of (int, str, int)
        Number of the copy from 1, patient, and how much of the patient is copied: all of it, but of the last copy
        possibly a part. Every patient is copied once before any is copied twice.
    """
    order = np.random.default_rng(seed).permutation(sorted(subject for subject in sizes if sizes[subject]))
    copies: list[tuple[int, str, int]] = []
    number = 1
    while size > 0 and len(order):
        for subject in order.tolist():
            part = min(size, sizes[subject])
            copies += [(number, subject, part)] if part else []
            size -= part
        number += 1
    return copies


def select_synthetic(synthetic: Cohort, dose: float, n_real: int, refused: Collection[str] = ()) -> Cohort:
    """The first synthetic subjects that a dose asks for, so that a larger dose contains a smaller one.

    Parameters
    ----------
    synthetic : Cohort
        All accepted synthetic subjects.
    dose : float
        Synthetic subjects per real subject; each visit of a patient is one.
    n_real : int
        Real subjects of the arm, or of the fold where the arm has none.
    refused : collection of str
        Subjects that are not taken: copies of training patients
        (`synthaug.measures.memorisation.copies.refused_copies`).

    Raises
    ------
    SynthaugError
        The cohort has fewer subjects than the dose asks for.
    """
    count = max(1, round(dose * n_real))
    subjects = [subject for subject in synthetic.subjects if subject not in set(refused)]
    if count > len(subjects):
        without = f" after {len(synthetic.subjects) - len(subjects)} copies were left out" if refused else ""
        raise SynthaugError(
            f"{synthetic.name}: dose {dose:g} of {n_real} real subjects asks for {count} synthetic subjects, "
            f"there are {len(subjects)}{without}; synthesise more or lower the dose"
        )
    return synthetic.select(subjects[:count])


def select_further(fold: Cohort, real: Cohort, dose: float, seed: int, arm: str) -> Cohort:
    """As many real subjects of patients that an arm leaves out as its dose asks for.

    Parameters
    ----------
    fold : Cohort
        Real labelled training patients of the fold.
    real : Cohort
        Those of them that are in the arm.
    dose : float
        Further subjects per subject of the arm.
    seed : int
        Seed of the stratified order in which they are taken.
    arm : str
        Name of the arm, for the message.

    Raises
    ------
    SynthaugError
        Fewer are left.
    """
    rest = fold.select([subject for subject in fold.subjects if subject not in set(real.subjects)])
    count = max(1, round(dose * len(real.subjects)))
    # Of an odd number the half that is rounded up leaves one less: `real` times (1 + `dose`) may be 1.
    if count - len(rest.subjects) > 1 or not rest.subjects:
        raise SynthaugError(
            f"arms.{arm}: control extra-real asks for {count} further real subjects (dose {dose:g} of "
            f"{len(real.subjects)}), {len(rest.subjects)} are left; lower dose or real, or leave it out"
        )
    taken = set(in_nested_order(rest, seed)[:count])
    return rest.select([subject for subject in rest.subjects if subject in taken])


def labels_seen(synthetic: Cohort | None, split: pd.DataFrame) -> int | None:
    """Training patients whose labels a synthetic cohort's generator saw; None where that is unknown."""
    if synthetic is None or "seen" not in synthetic.meta:
        return None
    seen: Any = synthetic.meta["seen"]
    labelled = set(seen) & set(subjects_of(split, "train", labelled=True))
    return int(split.loc[split["subject"].isin(labelled), "patient"].nunique())


def _refuse_leaks(
    real: Cohort | None,
    validation: Cohort,
    synthetic: Cohort | None,
    held_out: Sequence[str],
    patient_of: Mapping[str, str],
) -> None:
    forbidden = {**dict.fromkeys(held_out, "tested"), **dict.fromkeys(validation.subjects, "validated")}
    if real is not None:
        for subject in real.subjects:
            if subject in forbidden:
                raise SynthaugError(f"{subject}: is trained on and {forbidden[subject]}; mend the split")
    if synthetic is not None:
        # Another visit of a patient, which is unused in the fold, shows the same heart.
        of_patient = {patient_of.get(subject, subject): role for subject, role in forbidden.items()}
        for subject in synthetic.meta.get("seen", ()):
            patient = patient_of.get(subject, subject)
            if patient in of_patient:
                visit = "" if subject in forbidden else f", a visit of patient {patient}"
                raise SynthaugError(
                    f"{synthetic.name}: its generator saw {subject}{visit}, which is {of_patient[patient]}; "
                    "train it on this fold's training patients only"
                )
