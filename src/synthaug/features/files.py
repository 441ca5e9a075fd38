"""Features on disk: one file a cohort and extractor, with what each row belongs to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from synthaug.core.array_files import StoredArray, map_npz, write_npz
from synthaug.core.artifacts import atomic_file
from synthaug.core.errors import DamagedFileError, SynthaugError


@dataclass(frozen=True)
class FeatureSet:
    """Features of a cohort's subjects.

    Attributes
    ----------
    subjects : tuple of str
        Subject ids, in the order of the lists below.
    features : dict of str to list of ndarray, shape (n_rows, d)
        For each kind (``"frames"``, ``"temporal"``, ``"spatial"``, thirds of the stack, ``"text"``) one array
        a subject; no rows where a subject has none.
    extractor : str
        Identity of the extractor; only its kind where it was absent.
    whiten : bool
        Whether distances are measured on whitened features.
    seen : tuple of str
        Subjects the extractor was trained on.
    absent : str
        Why there are no features, where the extractor was absent; otherwise empty.
    patients : mapping of str to str
        Patient of each subject that is a visit; a subject without one is a patient.
    """

    subjects: tuple[str, ...]
    features: Mapping[str, list[np.ndarray]]
    extractor: str
    whiten: bool = False
    seen: tuple[str, ...] = ()
    absent: str = ""
    patients: Mapping[str, str] = field(default_factory=dict)

    def select(self, subjects: Sequence[str]) -> FeatureSet:
        """The features of these subjects only; ids that are not here are left out."""
        places = {subject: index for index, subject in enumerate(self.subjects)}
        indices = [places[subject] for subject in subjects if subject in places]
        return replace(
            self,
            subjects=tuple(self.subjects[index] for index in indices),
            features={kind: [arrays[index] for index in indices] for kind, arrays in self.features.items()},
        )

    def with_patients(self, patients: Mapping[str, str]) -> FeatureSet:
        """The same features, with the patients that a split declares."""
        return replace(self, patients={**self.patients, **patients})

    def units(self) -> np.ndarray:
        """Number of each subject's patient, in the order of first visits, shape (n_subjects,)."""
        numbers: dict[str, int] = {}
        return np.array(
            [
                numbers.setdefault(self.patients.get(subject, subject), len(numbers))
                for subject in self.subjects
            ],
            int,
        )

    def write(self, path: str | Path) -> None:
        """Write atomically as ``.npz``; equal features give equal bytes."""
        arrays: dict[str, np.ndarray | StoredArray] = {}
        for kind, per_subject in self.features.items():
            arrays[f"{kind}_rows"] = np.array([len(rows) for rows in per_subject])
            arrays[kind] = np.concatenate(per_subject).astype(np.float32)
        meta = FeatureMeta(self.extractor, self.whiten, self.seen, self.absent, self.patients)
        write_arrays(path, self.subjects, arrays, meta)


@dataclass(frozen=True)
class FeatureMeta:
    """What a feature file says beside the features; the attributes are those of `FeatureSet`."""

    extractor: str
    whiten: bool = False
    seen: tuple[str, ...] = ()
    absent: str = ""
    patients: Mapping[str, str] = field(default_factory=dict)


def write_arrays(
    path: str | Path,
    subjects: Sequence[str],
    arrays: Mapping[str, np.ndarray | StoredArray],
    meta: FeatureMeta,
) -> None:
    """Write a feature file atomically.

    Parameters
    ----------
    path : path
        ``.npz`` file.
    subjects : sequence of str
        Subject ids.
    arrays : mapping of str to ndarray or StoredArray
        For each kind of features ``<kind>`` (rows of all subjects, d) and ``<kind>_rows``, how many are
        each subject's.
    meta : FeatureMeta
        The extractor and the patients.
    """
    content: dict[str, np.ndarray | StoredArray] = {
        "meta": np.array(json.dumps(asdict(meta), sort_keys=True)),
        "subjects": np.array(list(subjects), dtype=str),
        **arrays,
    }
    with atomic_file(path) as temporary, temporary.open("wb") as stream:
        write_npz(stream, content)


def read_features(path: str | Path) -> FeatureSet:
    """Open a feature file; nothing in it is unpickled.

    The checksums of the file are read once; its features stay on disk until they are asked for, so that a few
    subjects of many need the memory of a few.

    Raises
    ------
    SynthaugError
        The file is missing, damaged or not a feature file.
    """
    try:
        arrays = map_npz(path)
        meta = json.loads(str(arrays.pop("meta")))
        subjects = tuple(str(subject) for subject in arrays.pop("subjects"))
    except (OSError, ValueError, KeyError, DamagedFileError) as error:
        reason = error.reason if isinstance(error, DamagedFileError) else error
        raise SynthaugError(
            f"{path}: not a readable feature file ({reason}); extract the features again"
        ) from None
    features = {
        kind: np.split(arrays[kind], np.cumsum(arrays[f"{kind}_rows"])[:-1])
        for kind in arrays
        if not kind.endswith("_rows")
    }
    return FeatureSet(subjects, features, **{**meta, "seen": tuple(meta["seen"])})
