"""From a cohort to a feature file, one cine in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from synthaug.config.features import ExtractorSettings, PluginExtractorSettings
from synthaug.core.artifacts import sha256_json
from synthaug.core.plugins import code_hashes
from synthaug.core.registry import class_of, module_of
from synthaug.data.cohort import Cohort
from synthaug.features.base import Extractor, ExtractorAbsent, TextExtractor
from synthaug.features.depth import with_thirds
from synthaug.features.described import PARTS, part_of
from synthaug.features.files import FeatureMeta, FeatureSet
from synthaug.features.spool import FeatureSpool
from synthaug.features.weights import check_weights
from synthaug.jobs.finished import FinishedSubjects

_FEATURES = "features.npz"
#: Subjects that are kept together until all are finished: a kill loses at most these, a large cohort keeps fewer files.
_BLOCK = 32
_HOW_TO_GET = "put the file there, or correct `weights` of the extractor"


def make_extractor(settings: ExtractorSettings, weights: str | Path | None = None) -> Extractor:
    """Make the extractor a study names.

    Parameters
    ----------
    settings : ExtractorSettings
        An entry of `evaluation.extractors`.
    weights : path, optional
        The trained model's ``model.safetensors``, for an extractor of kind ``study``.

    Raises
    ------
    ExtractorAbsent
        Its weights are not there; the message says how to get them.
    SynthaugError
        Its weights are not the ones named, or of another network.
    """
    file = None if weights is None else Path(weights)
    if not isinstance(settings, PluginExtractorSettings):
        made: Extractor = class_of(settings, Extractor).build(settings, file)
        return made
    if settings.weights is not None:
        file, _ = check_weights(settings.class_name, settings.weights, settings.sha256, _HOW_TO_GET)
    made = class_of(settings, Extractor).build(settings, file)
    # Edited code makes other features, whatever the class calls itself.
    made.id += f"-{sha256_json(code_hashes([module_of(settings)]))[:12]}"
    return made


def extract_features(
    cohort: Cohort,
    settings: ExtractorSettings,
    output: str | Path,
    weights: str | Path | None = None,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
    unfinished: Path | None = None,
) -> None:
    """Extract the features of a cohort and write them to a file.

    Parameters
    ----------
    cohort : Cohort
        Real or synthetic subjects.
    settings : ExtractorSettings
        An entry of `evaluation.extractors`.
    output : path
        ``.npz`` file to write. Where the extractor is absent the file says so, and so will every
        distance measured from it.
    weights : path, optional
        See `make_extractor`.
    threads : int
        CPU threads.
    progress : callable, optional
        Called with the subjects done and to do.
    unfinished : path, optional
        Folder that keeps the subjects that are finished until all are (`synthaug.jobs.finished`).
    """
    import torch

    torch.set_num_threads(threads)
    try:
        extractor = make_extractor(settings, weights)
    except ExtractorAbsent as reason:
        FeatureSet((), {}, settings.kind, absent=str(reason)).write(output)
        return
    patients: dict[str, str] = {}
    identity = {"extractor": extractor.id}
    with FinishedSubjects(unfinished, identity, output) as finished, FeatureSpool() as spool:
        for start in range(0, len(cohort.subjects), _BLOCK):
            block = cohort.subjects[start : start + _BLOCK]
            made, _ = finished.of(
                f"from-{start}",
                [cohort.folders[subject] / "cine.nii.gz" for subject in block],
                partial(_extract_block, extractor, cohort, block),
            )
            with np.load(made / _FEATURES, allow_pickle=False) as kept:
                found = dict(kept)
            for place, subject in enumerate(block):
                record = cohort.record(subject)
                features = _features_at(place, found)
                if isinstance(extractor, TextExtractor):
                    if "frames" in features:
                        # Without a sentence no rows: the file says all the same that images and text are compared.
                        features["text"] = np.empty((0, features["frames"].shape[1]), np.float32)
                    features |= _text_features(extractor, record)
                spool.add(subject, features)
                if isinstance(patient := record.get("patient"), str):
                    patients[subject] = patient
            if progress:
                progress(start + len(block), len(cohort.subjects))
        spool.write(output, FeatureMeta(extractor.id, extractor.whiten, extractor.seen, patients=patients))


def _text_features(extractor: TextExtractor, record: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Features (1, d) of the subject's sentence, and of the sentences that say one fact of it."""
    described = {"text": record} | {f"text_{part}": part_of(record, part) for part in PARTS}
    found = {kind: extractor.describe(row) for kind, row in described.items()}
    return {kind: feature[None] for kind, feature in found.items() if feature is not None}


def _extract_block(extractor: Extractor, cohort: Cohort, subjects: Sequence[str], folder: Path) -> None:
    """Write the features of some cines, one cine in memory at a time."""
    found: dict[str, np.ndarray] = {}
    for place, subject in enumerate(subjects):
        cine = cohort.cine(subject)
        for kind, rows in with_thirds(extractor.extract(cine), cine.shape[1]).items():
            found[f"{place}/{kind}"] = np.asarray(rows, np.float32)
    np.savez(folder / _FEATURES, **found)  # type: ignore[arg-type]


def _features_at(place: int, block: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Features of one subject of a block, by kind."""
    beginning = f"{place}/"
    return {name.removeprefix(beginning): rows for name, rows in block.items() if name.startswith(beginning)}
