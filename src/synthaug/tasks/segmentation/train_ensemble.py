"""Training all networks of an arm with one seed, to one folder that can predict on its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from synthaug.config.tasks import SegmentationSettings
from synthaug.core.artifacts import atomic_folder, read_json, write_json
from synthaug.tasks.segmentation.ensemble import Member, hash_of_weights, members_of
from synthaug.tasks.segmentation.train import code_of_training, describe_training, train_segmenter
from synthaug.tasks.training_subjects import REAL_SOURCES


def train_ensemble(
    preprocessed: str | Path,
    model: str | Path,
    checkpoints: str | Path,
    settings: SegmentationSettings,
    training_seed: int,
    threads: int = 1,
) -> None:
    """Train the networks of `members_of` one after the other, or those that are missing.

    Parameters and errors are those of `train_segmenter`. Of several networks `model` receives the folder of each, named
    as the member, and ``training.json``: the first one's record with the seconds, draws and parameters of all, whom any
    of them saw, ``members`` and a hash of all weights. ``history.csv`` is the first one's.
    """
    members = members_of(settings)
    if len(members) == 1:
        train_segmenter(preprocessed, model, checkpoints, settings, training_seed, threads)
        return
    preprocessed, checkpoints = Path(preprocessed), Path(checkpoints)
    for member in members:
        seed, finished = member.seed(training_seed), _finished(checkpoints, member)
        # A finished network waits for the others beside their checkpoints: outside every declared output.
        code = checkpoints / member.name / "code.json"
        if not (
            code.is_file()
            and read_json(code) == {"code": code_of_training(settings)}
            and _is_of(finished, describe_training(preprocessed, settings, seed, member))
        ):
            shutil.rmtree(finished, ignore_errors=True)
            state = checkpoints / member.name / "checkpoints"
            # Before the training, so that a kill behind it does not lose it.
            write_json(code, {"code": code_of_training(settings)})
            train_segmenter(preprocessed, finished, state, settings, seed, threads, member)
    with atomic_folder(model) as folder:
        for member in members:
            shutil.copytree(_finished(checkpoints, member), folder / member.name)
        shutil.copyfile(folder / members[0].name / "history.csv", folder / "history.csv")
        records = {member.name: read_json(folder / member.name / "training.json") for member in members}
        write_json(folder / "training.json", _joined(records, settings, training_seed), checksum=True)
    shutil.rmtree(checkpoints, ignore_errors=True)


def _finished(checkpoints: Path, member: Member) -> Path:
    return checkpoints / member.name / "model"


def _is_of(finished: Path, description: dict[str, Any]) -> bool:
    """Whether a network was trained as described; another one is of other data or settings."""
    if not (finished / "training.json").is_file():
        return False
    record = read_json(finished / "training.json")
    return all(record.get(key) == value for key, value in description.items())


def _joined(
    records: dict[str, dict[str, Any]], settings: SegmentationSettings, training_seed: int
) -> dict[str, Any]:
    each = list(records.values())
    first = each[0]
    draws = {source: sum(record["draws"][source] for record in each) for source in first["draws"]}
    seconds = {
        phase: round(sum(record["seconds"][phase] for record in each), 2) for phase in first["seconds"]
    }
    return {
        **first,
        "configuration": settings.configuration,
        "left_out": [],
        "training_seed": training_seed,
        "members": list(records),
        "seen": sorted({subject for record in each for subject in record["seen"]}),
        "draws": draws,
        "real_exposure": sum(draws.get(source, 0) for source in REAL_SOURCES) / sum(draws.values()),
        "parameters": sum(record["parameters"] for record in each),
        "seconds": seconds,
        "weights_sha256": hash_of_weights(records),
    }
