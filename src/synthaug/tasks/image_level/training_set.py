"""An arm's training subjects as clips, targets and features, one row a subject."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthaug.config.arms import SIZE_MATCHED
from synthaug.config.conditions import TELLS_DIAGNOSIS
from synthaug.config.image_tasks import ImageTaskSettings
from synthaug.core.array_files import read_npy, read_npz
from synthaug.core.artifacts import atomic_folder, read_json, read_tsv, sha256_file, write_json, write_tsv
from synthaug.core.disk import reserved_memmap
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.tasks.classical_augmentation import augment_cine, draw_transform
from synthaug.tasks.corruption import label_donors, shuffle_voxels
from synthaug.tasks.image_level.clips import clips_of, read_cine, relative_height
from synthaug.tasks.image_level.phenotype_columns import enlarged, read_columns
from synthaug.tasks.image_level.plan import PLAN
from synthaug.tasks.image_level.targets import Classes, Targets, targets_of
from synthaug.tasks.sampling import UNIFORM, Sampling
from synthaug.tasks.training_subjects import TrainingSubjects

RECORD, ROWS, IMAGES, ARRAYS = "arm.json", "subjects.tsv", "images.npy", "arrays.npz"
#: Sources whose subjects are fine-tuned on even where synthetic subjects are not.
_ALWAYS_LABELLED = ("real",)


@dataclass(frozen=True)
class TrainingData:
    """A training set as `write_training_set` wrote it.

    Attributes
    ----------
    table : DataFrame
        One row a subject or copy: ``subject``, ``source``, ``copy``, ``role`` (``"train"`` or ``"validation"``),
        ``image`` (row of `images`), ``height`` (relative height of the stack), ``labelled`` (whether it is fine-tuned on).
    targets : ndarray, shape (n_rows, k)
        Of each row (`synthaug.tasks.image_level.targets`).
    features : ndarray, shape (n_rows, n_features)
        Phenotypes that a random forest reads; NaN is unknown.
    images : memmap, shape (n_images, slices, frames, y, x), float16, or None
        Clips; None of a random forest.
    plan, record : dict
        The fold's plan; the arm's record with its sampling.
    """

    table: pd.DataFrame
    targets: np.ndarray
    features: np.ndarray
    images: np.ndarray | None
    plan: dict[str, Any]
    record: dict[str, Any]

    @classmethod
    def open(cls, folder: str | Path) -> TrainingData:
        """Open a training set; images are read on access."""
        folder = Path(folder)
        arrays = read_npz(folder / ARRAYS)
        targets, features = arrays["targets"], arrays["features"]
        images = read_npy(folder / IMAGES, mmap_mode="r") if (folder / IMAGES).is_file() else None
        table = read_tsv(folder / ROWS, ("subject", "source", "role"))
        return cls(table, targets, features, images, read_json(folder / PLAN), read_json(folder / RECORD))

    @property
    def clips(self) -> np.ndarray:
        """`images`, of a training set that has them."""
        assert self.images is not None
        return self.images

    @property
    def sampling(self) -> Sampling:
        """How the labelled subjects are drawn."""
        return Sampling(**self.record["sampling"])

    @property
    def pretraining_sampling(self) -> Sampling:
        """How all training subjects are drawn in pre-training."""
        return Sampling(**self.record["pretraining_sampling"])

    @property
    def trained(self) -> np.ndarray:
        """Rows that are trained on, labelled or not."""
        return np.flatnonzero(self.table["role"] == "train")

    @property
    def labelled(self) -> np.ndarray:
        """Rows that are fine-tuned on."""
        return np.flatnonzero(self.table["labelled"])

    @property
    def validation(self) -> np.ndarray:
        """Rows of the validation patients."""
        return np.flatnonzero(self.table["role"] == "validation")

    def sources(self, rows: np.ndarray) -> list[str]:
        """Source of each of these rows."""
        return [str(source) for source in self.table["source"].iloc[rows]]


def write_training_set(
    training: TrainingSubjects, plan_folder: Path, output: Path, settings: ImageTaskSettings
) -> None:
    """Write the training set of an arm, atomically.

    Parameters
    ----------
    training : TrainingSubjects
        The arm, with phenotypes where the settings read them.
    plan_folder : Path
        Folder that `synthaug.tasks.image_level.plan.make_plan` wrote.
    output : Path
        Folder that receives what `TrainingData.open` reads. ``arm.json`` has the arm's record with the sampling of both
        parts of the training, subjects that are not labelled by reason (``left_out``), and the patients that the
        generator saw.
    settings : ImageTaskSettings
        `method` and `synthetic`.

    Raises
    ------
    SynthaugError
        No labelled training subject, such as of an arm without real patients whose synthetic subjects are unlabelled;
        a pre-training on added subjects with a method that has no iterations; cines of another matrix.
    """
    plan = read_json(plan_folder / PLAN)
    targets = targets_of(plan)
    rows = _rows_of(training, plan, targets, settings.synthetic == "labelled")
    table = pd.DataFrame([row.about for row in rows]).astype({"copy": "Int64"})
    record = _record(training, table, rows, targets, settings)
    with atomic_folder(output) as folder:
        if settings.method != "random_forest":
            table["image"] = _write_images(folder / IMAGES, training, rows, plan)
            # A checkpoint of other images must not be resumed.
            record["images_sha256"] = sha256_file(folder / IMAGES)
        write_tsv(folder / ROWS, table)
        np.savez(
            folder / ARRAYS,
            targets=np.stack([row.targets for row in rows]),
            features=np.stack([row.features for row in rows]),
        )
        write_json(folder / PLAN, plan)
        write_json(folder / RECORD, record)


@dataclass
class _Row:
    """A subject or copy: columns of the table, targets and features, and the random stream of its augmentation."""

    about: dict[str, Any]
    corruption: str
    targets: np.ndarray
    features: np.ndarray
    stream: list[int]
    reason: str

    @property
    def subject(self) -> str:
        return str(self.about["subject"])


def _rows_of(
    training: TrainingSubjects, plan: Mapping[str, Any], targets: Targets, labelled: bool
) -> list[_Row]:
    """Training subjects, then validation patients, in the order of the arm's table."""
    rows: list[_Row] = []
    known = {kind: _known(training, kind, plan, targets) for kind in ("real", "synthetic")}
    donors = _donors(training, known["synthetic"], targets) if labelled else {}
    for role in ("train", "validation"):
        for entry in training.rows(role).to_dict("records"):
            subject, source = str(entry["subject"]), str(entry["source"])
            values, reason, features = known[entry["cohort"]][subject]
            if source == "synthetic" and subject in donors:
                values = known["synthetic"][donors[subject]][0]
            # Copies have streams of their own, as many as there are rows before.
            stream = [training.seed, len(rows)]
            if source == "classical":
                _, height, width = plan["matrix"]
                scale = draw_transform(height, width, np.random.default_rng(stream)).scale
                values = targets.enlarged(values, scale)
                features = enlarged(features, plan["features"], scale)
                if not reason and np.isnan(values).all():
                    reason = "targets of the enlarged copy are unknown"
            usable = role == "train" and (labelled or source in _ALWAYS_LABELLED)
            about = {
                "subject": subject,
                "source": source,
                "copy": entry["copy"],
                "role": role,
                "height": relative_height(_cohort(training, entry["cohort"]), subject, plan),
                "labelled": usable and not reason,
            }
            rows.append(
                _Row(about, str(entry["corruption"]), values, features, stream, reason if usable else "")
            )
    matched = training.rows("matched")["subject"].astype(str)
    _label_copies(rows, sum(not known["synthetic"][subject][1] for subject in matched))
    return rows


def _label_copies(rows: list[_Row], most: int) -> None:
    """Label no more copies than there are labelled ones among the synthetic subjects that they match."""
    copies = [row for row in rows if row.about["source"] in SIZE_MATCHED and row.about["labelled"]]
    for row in copies[most:]:
        row.about["labelled"], row.reason = False, "more copies than labelled synthetic subjects"


def _cohort(training: TrainingSubjects, kind: str) -> Cohort:
    cohort = training.synthetic if kind == "synthetic" else training.real
    assert cohort is not None
    return cohort


_Known = dict[str, tuple[np.ndarray, str, np.ndarray]]


def _known(training: TrainingSubjects, kind: str, plan: Mapping[str, Any], targets: Targets) -> _Known:
    """Targets, why there are none, and features of the arm's subjects of one cohort."""
    names = list(dict.fromkeys(training.table.loc[training.table["cohort"] == kind, "subject"].astype(str)))
    if not names:
        return {}
    cohort = _cohort(training, kind).select(names)
    values, reasons = _targets_of(cohort, targets)
    features = np.zeros((len(names), 0))
    if plan["features"]:
        features = read_columns(cohort, plan["features"])
    return {
        name: (value, reason, feature)
        for name, value, reason, feature in zip(names, values, reasons, features, strict=True)
    }


def _targets_of(cohort: Cohort, targets: Targets) -> tuple[np.ndarray, list[str]]:
    """As `Targets.of_cohort`; a diagnosis that was requested of a generator that does not take it is no label."""
    values, reasons = targets.of_cohort(cohort)
    conditions = cohort.meta.get("conditions") if cohort.kind == "synthetic" else None
    if isinstance(targets, Classes) and conditions is not None and not set(TELLS_DIAGNOSIS) & set(conditions):
        why = "the generator is not conditioned on the diagnosis"
        return np.full_like(values, np.nan), [why] * len(reasons)
    return values, reasons


def _donors(training: TrainingSubjects, known: _Known, targets: Targets) -> dict[str, str]:
    """Whose targets a synthetic subject gets where labels are exchanged on purpose."""
    synthetic = training.rows("train", "synthetic")
    exchanged = synthetic.loc[synthetic["corruption"] == "labels", "subject"].astype(str)
    labelled = [subject for subject in exchanged if not known[subject][1]]
    if exchanged.empty or not labelled:  # without labels, each says why it has none
        return {}
    classes = None
    if isinstance(targets, Classes):
        classes = {subject: targets.names[int(known[subject][0][0])] for subject in labelled}
    return label_donors(labelled, training.seed, str(training.record["name"]), classes)


def _record(
    training: TrainingSubjects,
    table: pd.DataFrame,
    rows: list[_Row],
    targets: Targets,
    settings: ImageTaskSettings,
) -> dict[str, Any]:
    name, method = training.record["name"], settings.method
    chosen = table[table["labelled"]]
    if chosen.empty:
        remedy = "give the arm real patients or set synthetic: labelled"
        if settings.synthetic == "labelled":
            remedy = "see left_out in the plan, and the diagnoses or phenotypes of the cohorts"
        raise SynthaugError(f"arm {name}: no labelled training subject; {remedy}")
    matched = training.rows("matched")["subject"].astype(str).tolist()
    sizes = Counter(table.loc[table["role"] == "train", "source"].astype(str))
    pretraining = training.sampling(sizes, len(matched))
    sampling = UNIFORM
    if settings.synthetic == "labelled":
        assert training.synthetic is not None or not matched
        reasons = (
            _targets_of(training.synthetic.select(matched), targets)[1]
            if training.synthetic is not None and matched
            else []
        )
        sampling = training.sampling(Counter(chosen["source"].astype(str)), reasons.count(""))
        if sampling.pretrain and method != "fine_tuning":
            raise SynthaugError(
                f"config: arms: {name}: pretrain needs iterations on labelled subjects, which method {method} has not; "
                "use fine_tuning, or real_share"
            )
    left_out: dict[str, Counter[str]] = {}
    for row in rows:
        if row.reason:
            left_out.setdefault(str(row.about["source"]), Counter())[row.reason] += 1
    kept = {key: value for key, value in training.record.items() if key != "matched_sampling"}
    synthetic = training.cohort("train", "synthetic")
    seen: Any = synthetic.meta.get("seen", []) if synthetic.kind == "synthetic" else []
    return {
        **kept,
        "synthetic": settings.synthetic,
        "sampling": asdict(sampling),
        "pretraining_sampling": asdict(pretraining),
        "left_out": {source: dict(sorted(counts.items())) for source, counts in left_out.items()},
        "generator_seen": sorted(map(str, seen)),
    }


def _write_images(
    path: Path, training: TrainingSubjects, rows: list[_Row], plan: Mapping[str, Any]
) -> list[int]:
    """Clips of all rows; the row of the array that each has. Repeated copies share those of their patient."""
    order: dict[tuple[str, str, int | None], int] = {}
    numbers = []
    for row in rows:
        source, copy = str(row.about["source"]), row.about["copy"]
        shared = source != "classical"
        kind = "synthetic" if source == "synthetic" else "real"
        key = (kind if shared else source, row.subject, None if shared else int(copy))
        numbers.append(order.setdefault(key, len(order)))
    images = reserved_memmap(path, np.float16, (len(order), *plan["clips"]))
    written: set[int] = set()
    synthetic = training.rows("train", "synthetic")["subject"].astype(str).tolist()
    for number, row in zip(numbers, rows, strict=True):
        if number in written:
            continue
        source = str(row.about["source"])
        cohort = _cohort(training, "synthetic" if source == "synthetic" else "real")
        cine = read_cine(cohort, row.subject, plan)
        if not cine.any():
            raise SynthaugError(
                f"{cohort.folders[row.subject] / 'cine.nii.gz'}: is black; leave the subject out or make it again"
            )
        if source == "classical":
            cine, _ = augment_cine(cine, np.random.default_rng(row.stream))
        if row.corruption == "images":
            seeds = [training.seed, synthetic.index(row.subject)]
            cine = np.stack(
                [
                    shuffle_voxels(volume, np.random.default_rng([*seeds, frame]))
                    for frame, volume in enumerate(cine)
                ]
            )
        images[number] = clips_of(cine, plan)
        written.add(number)
    images.flush()
    return numbers
