"""What killed jobs and changed settings left behind: partial outputs, and checkpoints that nobody will resume."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from synthaug.core.file_times import age_days
from synthaug.core.leftovers import DAYS, find_partials, is_left_behind, owner_of
from synthaug.core.process_identity import is_alive
from synthaug.jobs.finished import DONE, SUBJECTS
from synthaug.jobs.lease import LEASE, holder_of
from synthaug.jobs.trained import TRAINED
from synthaug.runs import arm_runs, checkpoints_of, model_runs
from synthaug.upkeep.fault import Fault
from synthaug.upkeep.parts import is_part_of_no_study
from synthaug.upkeep.study_results import StudyResults

_LEASE_DAYS = 1 / 24  # a holder gives a sign of life several times a minute; clocks of machines differ


def find_litter(study: StudyResults) -> Iterator[Fault]:
    """Partial outputs of dead processes, those of whom nobody knows, and abandoned checkpoints."""
    for path in find_partials(study.folder):
        owner = owner_of(path.name)
        whose = f"left by {owner}" if owner else "of an unknown process"
        if is_left_behind(path):
            yield Fault("orphaned", f"{path}: {whose}; the next job there removes it, as does --fix", (path,))
        elif owner is None or is_alive(owner) is None:
            yield Fault(
                "orphaned",
                f"{path}: {whose} or still being written; it counts as left behind {DAYS} days after its last change",
            )
    for folder, reason in abandoned_checkpoints(study):
        yield Fault("orphaned", f"{folder}: {reason}; `synthaug clean {study.folder} --yes` removes it")


def abandoned_checkpoints(study: StudyResults) -> Iterator[tuple[Path, str]]:
    """Checkpoint folders that no training resumes from, each with the reason; those with a fresh lease are in use."""
    yield from _abandoned_subjects(study)
    yield from _abandoned_trained(study)
    finished = _trainings(study)
    for identity in sorted(study.folder.glob("checkpoints/*/*")):
        if identity.parent.name in (SUBJECTS, TRAINED):
            continue
        ages = {folder: age_days(folder) for folder in sorted(identity.glob("*")) if folder.is_dir()}
        for folder, age in ages.items():
            if any(is_held(lease) for lease in folder.rglob(LEASE)):
                continue
            name = f"{identity.parent.name}/{identity.name}"
            if finished.get(name):
                yield folder, "its training finished"
            elif finished and name not in finished:
                yield folder, "the study has no such training any more"
            elif age > min(ages.values()):
                yield folder, "of other settings than the newer checkpoints beside it"


def _abandoned_subjects(study: StudyResults) -> Iterator[tuple[Path, str]]:
    """Finished subjects of outputs that stand or that the study has no longer, or of other settings than those that were kept later."""
    root = study.folder / "checkpoints" / SUBJECTS
    # <output>/<hash of the job>/<hash of the content>/<subject>/done.json
    jobs = {file.parents[2] for file in root.rglob(DONE)}
    for job in sorted(jobs):
        beside = [other for other in jobs if other.parent == job.parent]
        if (study.folder / job.parent.relative_to(root)).exists():
            yield job, "its output is finished"
        elif is_part_of_no_study(study, job.parent):
            yield job, "the study has no such part any more"
        elif age_days(job) > min(map(age_days, beside)):
            yield job, "of other settings than the newer one beside it"


def _abandoned_trained(study: StudyResults) -> Iterator[tuple[Path, str]]:
    """Finished trainings that are kept though the study has them no longer; none where it is not known what it has."""
    if study.declared is None:
        return
    root = study.folder / "checkpoints" / TRAINED
    declared = {root / run.folder / "model" for run in arm_runs(study.declared)}
    for done in sorted(root.rglob(DONE)):
        if done.parent not in declared:
            yield done.parent, "the study has no such training any more"


def describe_leases(study: StudyResults) -> Iterator[Fault]:
    """Checkpoint folders in which a training is at work."""
    for lease in sorted(study.folder.glob(f"checkpoints/*/*/**/{LEASE}")):
        if is_held(lease):
            minutes = 24 * 60 * age_days(lease)
            yield Fault(
                "locked",
                f"{lease.parent}: a training is at work here, {holder_of(lease) or 'an unknown process'}, "
                f"{minutes:.0f} min ago; let it end",
            )


def is_held(lease: Path) -> bool:
    """Whether the holder of a lease lives; of one on another machine, whether it gave a sign of life lately."""
    holder = holder_of(lease)
    alive = None if holder is None else is_alive(holder)
    return age_days(lease) < _LEASE_DAYS if alive is None else alive


def _trainings(study: StudyResults) -> dict[str, bool]:
    """Of each declared training, by the name of its checkpoints, whether it finished; empty where none is known."""
    if study.declared is None:
        return {}
    found = {}
    for run in model_runs(study.declared):
        weights = study.folder / run.folder / "model.safetensors"
        found[checkpoints_of("models", run._asdict())] = weights.is_file()
    for arm in arm_runs(study.declared):
        record = study.folder / arm.folder / "model" / "training.json"
        found[checkpoints_of("tasks", arm._asdict())] = record.is_file()
    return found
