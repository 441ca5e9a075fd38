"""Real subjects lent as if they were synthetic: an oracle, an upper bound, or a copy of the training set."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

import numpy as np

from synthaug.artifacts import atomic_folder, link_or_copy, sha256_file
from synthaug.cohort import Cohort, check_subject_id, write_cohort
from synthaug.errors import SynthaugError


def lend_cohort(
    lent: Cohort,
    output: str | Path,
    generator: str,
    split: Collection[str] | None,
    held_out: Cohort,
    seed: int = 0,
) -> None:
    """Write a synthetic cohort of real labelled subjects under new ids, atomically.

    Parameters
    ----------
    lent : Cohort
        The dataset that is lent.
    output : path
        Cohort folder to write; files are hard-linked where the file system allows.
    generator : str
        Name of the generator; the subjects are called ``<generator>-<id>``.
    split : collection of str or None
        Training patients of the fold, where the dataset is split: only they are lent, and listed as `seen`.
        None for a dataset of which nobody trains, validates or tests.
    held_out : Cohort
        Real subjects who validate or test: none of their cines may be lent, under whatever id.
    seed : int
        Seed of the order, so that seeds of a generator differ in who makes up a small dose.

    Raises
    ------
    SynthaugError
        No labelled subject to lend; a lent cine is that of a held-out subject; an id grows too long.
    """
    chosen = [
        subject
        for subject in lent.subjects
        if lent.labelled_frames(subject) and (split is None or subject in split)
    ]
    if not chosen:
        raise SynthaugError(
            f"{lent.name}: no labelled subject to lend to generator {generator}; see the split"
        )
    hidden = {sha256_file(held_out.folders[name] / "cine.nii.gz"): name for name in held_out.subjects}
    rows = []
    with atomic_folder(output) as folder:
        for subject in np.random.default_rng(seed).permutation(sorted(chosen)).tolist():
            same = hidden.get(sha256_file(lent.folders[subject] / "cine.nii.gz"))
            if same is not None:
                raise SynthaugError(
                    f"{lent.folders[subject]}: has the cine of {same}, who validates or tests; "
                    f"leave it out of dataset {lent.name}"
                )
            name = check_subject_id(f"{generator}-{subject}", lent.folders[subject])
            shutil.copytree(lent.folders[subject], folder / f"sub-{name}", copy_function=link_or_copy)
            row = lent.table.loc[subject].to_dict()
            rows.append({**row, "subject": name, "dataset": generator, "generator": generator, "seed": seed})
        write_cohort(
            folder,
            generator,
            "synthetic",
            rows,
            lent.spacing_mm,
            lent_from=lent.name,
            seen=sorted(chosen) if split is not None else [],
        )
