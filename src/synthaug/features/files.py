"""Features on disk: one file a cohort and extractor, with what each row belongs to."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from synthaug.core.artifacts import atomic_file
from synthaug.core.errors import SynthaugError


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
        arrays: dict[str, np.ndarray] = {}
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
    path: str | Path, subjects: Sequence[str], arrays: Mapping[str, np.ndarray], meta: FeatureMeta
) -> None:
    """Write a feature file atomically.

    Parameters
    ----------
    path : path
        ``.npz`` file.
    subjects : sequence of str
        Subject ids.
    arrays : mapping of str to ndarray
        For each kind of features ``<kind>`` (rows of all subjects, d) and ``<kind>_rows``, how many are
        each subject's.
    meta : FeatureMeta
        The extractor and the patients.
    """
    content = {
        "meta": np.array(json.dumps(asdict(meta), sort_keys=True)),
        "subjects": np.array(list(subjects), dtype=str),
        **arrays,
    }
    with atomic_file(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **content)  # type: ignore[arg-type]


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
        arrays = _mapped_arrays(Path(path))
        meta = json.loads(str(arrays.pop("meta")))
        subjects = tuple(str(subject) for subject in arrays.pop("subjects"))
    except (OSError, EOFError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        raise SynthaugError(
            f"{path}: not a readable feature file ({error}); extract the features again"
        ) from None
    features = {
        kind: np.split(arrays[kind], np.cumsum(arrays[f"{kind}_rows"])[:-1])
        for kind in arrays
        if not kind.endswith("_rows")
    }
    return FeatureSet(subjects, features, **{**meta, "seen": tuple(meta["seen"])})


def _mapped_arrays(path: Path) -> dict[str, np.ndarray]:
    """Arrays of an ``.npz`` file by name, mapped from where they lie in it."""
    arrays: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(path) as archive:
        if damaged := archive.testzip():
            raise ValueError(f"the checksum of {damaged} differs")
        for member in archive.infolist():
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{member.filename} is compressed")
            with archive.open(member) as stream:
                version = np.lib.format.read_magic(stream)
                read_header = {
                    (1, 0): np.lib.format.read_array_header_1_0,
                    (2, 0): np.lib.format.read_array_header_2_0,
                }[version]
                shape, fortran, kind = read_header(stream)
                if kind.hasobject or fortran:
                    raise ValueError(f"{member.filename} is no plain array")
                name = member.filename.removesuffix(".npy")
                if np.prod(shape, dtype=int) == 0:
                    arrays[name] = np.empty(shape, kind)
                    continue
                begin = _data_offset(path, member) + stream.tell()
            mapped = np.memmap(path, kind, "r", begin, shape)
            arrays[name] = mapped.view(np.ndarray)
    return arrays


def _data_offset(path: Path, member: zipfile.ZipInfo) -> int:
    """Where a stored member begins: after its own header, whose length the archive's directory does not say."""
    with path.open("rb") as stream:
        stream.seek(member.header_offset + 26)
        name, extra = (int.from_bytes(stream.read(2), "little") for _ in range(2))
    return member.header_offset + 30 + name + extra
