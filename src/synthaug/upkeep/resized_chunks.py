"""Finished chunks of samples that another `synthesis.chunk_size` would have made again."""

from __future__ import annotations

from pathlib import Path

from synthaug.config.study import StudySettings
from synthaug.core.artifacts import read_json
from synthaug.core.errors import SynthaugError
from synthaug.preflight.lost_records import CONFIGURATION
from synthaug.runs import chunks_of


def check_chunk_size(results: str | Path, study: StudySettings) -> None:
    """Refuse another size of chunks than that of the chunks that are finished.

    A chunk is named by its number, so that chunks of another size are other requests: all of them would be
    sampled again. No sample depends on the size, so nobody means that.

    Parameters
    ----------
    results : path
        Folder of the study's results.
    study : StudySettings
        The declared study.

    Raises
    ------
    SynthaugError
        Finished chunks would hold other requests; the message says how many, and what to do.
    """
    kept = Path(results) / CONFIGURATION
    if not kept.is_file():
        return
    before = read_json(kept)["synthesis"]["chunk_size"]
    resized = study.synthesis.model_copy(update={"chunk_size": before})
    old, new = chunks_of(study.model_copy(update={"synthesis": resized})), chunks_of(study)
    stays = sum(one == other for one, other in zip(old, new, strict=False))
    finished = Path(results).glob("synthetic/*/fold-*/generator-seed-*/chunks/[0-9]*")
    lost = sum(stays <= int(chunk.name) < len(old) for chunk in finished)
    if lost:
        raise SynthaugError(
            f"synthesis.chunk_size: {before} before, {study.synthesis.chunk_size} now: {lost} finished chunks in "
            f"{Path(results) / 'synthetic'} would be sampled again, though no sample depends on it; set it to {before}, or "
            "move that folder away to sample all again"
        )
