"""Real subjects instead of synthetic ones: an oracle, an upper bound, or a copy of the training set."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from synthaug.core.artifacts import atomic_folder, link_or_copy, sha256_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, check_subject_id, write_cohort, write_subject
from synthaug.data.stored_nifti import read_stored_header
from synthaug.metrics.volumes import measure_function, volume_curve_ml


class Reconstructor(Protocol):
    """A model that cines can go through: `synthaug.generators.reconstruction.Reconstruction`.

    Attributes
    ----------
    name : str
        What the study calls it.
    hashes : mapping of str to str
        SHA-256 of its weight file, by role.
    seen : sequence of str
        Ids of the real subjects it was trained on.
    """

    name: str
    hashes: Mapping[str, str]
    seen: Sequence[str]

    def reconstruct(self, cine: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Decoded intensities and canonical labels (t, z, y, x), if any, of a cine (t, z, y, x) in [0, 1]."""
        ...


def real_as_synthetic(
    real: Cohort,
    output: str | Path,
    generator: str,
    split: Collection[str] | None,
    held_out: Cohort,
    seed: int = 0,
    through: Reconstructor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a synthetic cohort of real labelled subjects under new ids, atomically.

    Parameters
    ----------
    real : Cohort
        The dataset whose subjects are used.
    output : path
        Cohort folder to write; files are hard-linked where the file system allows.
    generator : str
        Name of the generator; the subjects are called ``<generator>-<id>``.
    split : collection of str or None
        Training patients of the fold, where the dataset is split: only they are used, and listed as `seen`.
        None for a dataset in no split.
    held_out : Cohort
        Real subjects who validate or test: none of their cines may be used, under whatever id.
    seed : int
        Seed of the order, so that seeds of a generator differ in who makes up a small dose.
    through : Reconstructor, optional
        The images and masks that it decodes are written, every frame labelled, and volumes, masses and
        ejection fractions are measured on those. Its hash and whom it saw are recorded as a sampled generator's.
    progress : callable, optional
        Called with the subjects done and to do.

    Raises
    ------
    SynthaugError
        No labelled subject; a cine is that of a held-out subject; an id grows too long.
    """
    chosen = [
        subject
        for subject in real.subjects
        if real.labelled_frames(subject) and (split is None or subject in split)
    ]
    if not chosen:
        raise SynthaugError(f"{real.name}: no labelled subject for generator {generator}; see the split")
    hidden = {_voxels(held_out, name): name for name in held_out.subjects}
    rows = []
    with atomic_folder(output) as folder:
        for done, subject in enumerate(np.random.default_rng(seed).permutation(sorted(chosen)).tolist(), 1):
            same = hidden.get(_voxels(real, subject))
            if same is not None:
                raise SynthaugError(
                    f"{real.folders[subject]}: has the cine of {same}, who validates or tests; "
                    f"leave it out of dataset {real.name}"
                )
            name = check_subject_id(f"{generator}-{subject}", real.folders[subject])
            row = {str(key): value for key, value in real.table.loc[subject].to_dict().items()}
            if through is None:
                shutil.copytree(real.folders[subject], folder / f"sub-{name}", copy_function=link_or_copy)
            else:
                row |= _write_decoded(folder / f"sub-{name}", real, subject, through)
            rows.append({**row, "subject": name, "dataset": generator, "generator": generator, "seed": seed})
            if progress:
                progress(done, len(chosen))
        seen = set(chosen if split is not None else [])
        meta: dict[str, Any] = {"real_dataset": real.name}
        if through is not None:
            meta |= {"through": through.name, "hashes": dict(through.hashes)}
            seen |= set(through.seen)
        write_cohort(
            folder, generator, "synthetic", rows, real.spacing_mm, real.view, **meta, seen=sorted(seen)
        )


def _voxels(cohort: Cohort, subject: str) -> str:
    """SHA-256 of a cine's intensities: another header, or another number format, is the same cine."""
    cine = np.ascontiguousarray(np.rint(cohort.cine(subject) * 32767), dtype="<i2")
    return sha256_json([cine.shape, hashlib.sha256(cine.tobytes()).hexdigest()])


def _write_decoded(folder: Path, real: Cohort, subject: str, through: Reconstructor) -> dict[str, Any]:
    """Write a subject as a model decodes it; what its row says otherwise than the real subject's."""
    cine, labels = through.reconstruct(real.cine(subject))
    if labels is None:
        raise SynthaugError(
            f"{through.name}: decodes no masks; set through to an autoencoder with masks: true"
        )
    header = read_stored_header(real.folders[subject] / "cine.nii.gz")
    duration = float(header["pixdim"][4]) or None
    write_subject(folder, cine, dict(enumerate(labels)), real.spacing_mm, duration)
    record = real.record(subject)
    ed, es = record["ed_frame"], record["es_frame"]
    if pd.isna(es):
        es = volume_curve_ml(labels, "LV", real.spacing_mm).argmin()
    frames = {"ed_frame": 0 if pd.isna(ed) else int(ed), "es_frame": int(es)}
    measured = measure_function(labels, real.spacing_mm, **frames)
    return {**frames, "labelled_frames": ",".join(map(str, range(len(cine)))), **measured}
