"""Files that are not what their writer recorded, or that cannot be read any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from synthaug.core.array_files import read_npz
from synthaug.core.artifacts import read_json, read_tsv, sha256_file
from synthaug.core.errors import SynthaugError
from synthaug.core.file_times import age_days
from synthaug.core.folder_checksums import CHECKSUMS, check_checksums
from synthaug.data.cohort import Cohort
from synthaug.data.native_grid import GEOMETRY, LABELS
from synthaug.data.store import check_contents
from synthaug.runs import ArmRun, ListedRun, read_runs
from synthaug.tables.collate import verify
from synthaug.tables.completeness import check_splits
from synthaug.tables.versions import CURRENT, current_version
from synthaug.upkeep.fault import Fault
from synthaug.upkeep.study_results import StudyResults

#: Files of a subject by what ``cohort.json`` calls their hashes.
_SUBJECT_FILES = {
    "cine": "cine.nii.gz",
    "labels": "labels.nii.gz",
    "native": GEOMETRY,
    "native_labels": LABELS,
}
#: Single outputs and what reads them, which compares tables with their checksums.
_READ: dict[str, Callable[[Path], Any]] = {
    "phenotypes/**/*.tsv": read_tsv,
    "rows/**/*.tsv": read_tsv,
    "rows/**/*.npz": read_npz,
    "features/**/*.tsv": read_tsv,
    "features/**/*.npz": read_npz,
    "generators/**/*.json": read_json,
    "impressions/*.tsv": read_tsv,
    "splits/duplicates.tsv": read_tsv,
    "runs.tsv": read_runs,
}
#: Where the folder of a task's model stands in its path, after the names of task and arm, which may be "model" too.
_MODEL = len(ArmRun("task", "arm", 0, 0, 0).folder.split("/"))
_WRITING_DAYS = 1 / 24  # a checkpoint gets its checksum after it was written


def find_damage(study: StudyResults) -> Iterator[Fault]:
    """Everything of a study that differs from its recorded checksum or cannot be read."""
    for record in study.files_named("cohort.json"):
        yield from _in_cohort(study, record.parent)
    for record in study.files_named("store.json"):
        yield from _damaged(partial(check_contents, record.parent), record, (record.parent,))
    for record in study.files_named("training.json"):
        yield from _in_training(study, record)
    for sums in sorted(study.folder.glob(f"tasks/*/fold-*/arms/*/generator-seed-*/training-set/{CHECKSUMS}")):
        yield from _damaged(partial(check_checksums, sums.parent), sums, (sums.parent,))
    for sums in sorted(study.folder.glob(f"tables/v*/{CHECKSUMS}")):
        yield from _damaged(partial(verify, sums.parent), sums)
    current = study.folder / "tables" / CURRENT
    if current.is_file():
        yield from _damaged(partial(_named_version, current), current)
    yield from _in_checkpoints(study)
    yield from _in_splits(study)
    yield from _in_arms(study)
    for pattern, read in _READ.items():
        for file in sorted(study.folder.glob(pattern)):
            if not any(part.startswith(".") for part in file.relative_to(study.folder).parts):
                yield from _damaged(partial(read, file), file, (file,))


def _damaged(check: Callable[[], Any], file: Path, removes: tuple[Path, ...] = ()) -> Iterator[Fault]:
    """A finding where a check or reader fails."""
    try:
        check()
    except SynthaugError as error:
        yield Fault("damaged", str(error), removes)
    except OSError as error:
        place, reason = error.filename or file, error.strerror or error
        yield Fault("damaged", f"{place}: cannot be read ({reason}); restore it", removes)
    except (KeyError, TypeError, ValueError) as error:
        yield Fault(
            "damaged",
            f"{file}: is not what this version of the package writes ({error!r}); restore it",
            removes,
        )


def _in_cohort(study: StudyResults, folder: Path) -> Iterator[Fault]:
    removes = (folder,) if _can_be_made(study, folder) else ()
    faults = list(_damaged(partial(Cohort.open, folder), folder / "cohort.json", removes))
    if faults:
        yield from faults
        return
    for subject, hashes in (read_json(folder / "cohort.json").get("files") or {}).items():
        for kind, recorded in hashes.items():
            file = folder / f"sub-{subject}" / _SUBJECT_FILES.get(kind, kind)
            if kind in _SUBJECT_FILES and (not file.is_file() or sha256_file(file) != recorded):
                problem = "is not what cohort.json records" if file.is_file() else "is missing"
                yield Fault(
                    "damaged", f"{file}: {problem}; restore it, or remove {folder} and run again", removes
                )


def _can_be_made(study: StudyResults, folder: Path) -> bool:
    """Whether a cohort can be made again: a real one needs its raw data."""
    if folder.parent.name != "cohorts":
        return True
    dataset = study.declared and study.declared.datasets.get(folder.name)
    return bool(dataset and (dataset.phantom or (dataset.root and Path(dataset.root).is_dir())))


def _in_training(study: StudyResults, record: Path) -> Iterator[Fault]:
    """Weights that are not those of the record beside them."""
    folder = record.parent
    weights = folder / "model.safetensors"
    removes: tuple[Path, ...] = (weights, record)
    within = folder.relative_to(study.folder).parts
    if within[0] == "tasks" and "model" in within[_MODEL:]:
        # A task's output is the whole folder, that of an ensemble too.
        removes = (study.folder.joinpath(*within[: within.index("model", _MODEL) + 1]),)

    def check() -> None:
        recorded = read_json(record).get("weights_sha256")
        if recorded and (not weights.is_file() or sha256_file(weights) != recorded):
            problem = "is not what training.json records" if weights.is_file() else "is missing"
            raise SynthaugError(
                f"{weights}: {problem} (weights_sha256); restore it, or remove it and train again"
            )

    yield from _damaged(check, record, removes)


def _named_version(current: Path) -> None:
    version = current.parent / str(read_json(current)["version"])
    if not version.is_dir():
        raise SynthaugError(
            f"{current}: names {version.name}, which is not there; restore it, or remove {current}"
        )
    if (version / CHECKSUMS).is_file():
        return  # looked at with all versions
    current_version(current)


def _in_checkpoints(study: StudyResults) -> Iterator[Fault]:
    for file in sorted(study.folder.glob("checkpoints/**/checkpoint-*.pt")):
        checksum = file.with_suffix(".sha256")
        try:
            whole = checksum.is_file() and checksum.read_text(errors="replace") == sha256_file(file)
            writing = not checksum.is_file() and age_days(file) < _WRITING_DAYS
        except FileNotFoundError:
            continue  # a training that goes on removes its older ones
        if not whole and not writing:
            problem = "its checksum differs" if checksum.is_file() else "it has no checksum"
            yield Fault("damaged", f"{file}: {problem}; an older one is used, remove it", (file, checksum))


def _in_splits(study: StudyResults) -> Iterator[Fault]:
    cohorts = [
        ListedRun("dataset", folder.name, cohort=folder)
        for folder in sorted(study.folder.glob("cohorts/*"))
        # A damaged one is a finding of its own.
        if (folder / "cohort.json").is_file() and not list(_damaged(partial(Cohort.open, folder), folder))
    ]
    for split in sorted(study.folder.glob("splits/fold-*.tsv")):
        runs = [*cohorts, ListedRun("split", split=split)]
        yield from _damaged(partial(check_splits, runs), split, (split,))


def _in_arms(study: StudyResults) -> Iterator[Fault]:
    """Training subjects that cannot be read; the output is their folder."""
    for folder in sorted(study.folder.glob("arms/*/fold-*/generator-seed-*")):
        for name, read in (("subjects.tsv", read_tsv), ("arm.json", read_json)):
            yield from _damaged(partial(read, folder / name), folder / name, (folder,))
