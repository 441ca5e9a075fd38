"""The reconstruction ceiling: no generator is better than what its autoencoder can decode."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.features import ExtractorSettings
from synthaug.config.synthesis import ReconstructionCheckSettings
from synthaug.core.artifacts import read_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of
from synthaug.features.base import ExtractorAbsent
from synthaug.features.extraction import make_extractor
from synthaug.features.files import FeatureSet, read_features
from synthaug.generators.reconstruction import Reconstruction
from synthaug.measures.reconstructions import measure_reconstructions


def reconstruction_distances(
    autoencoder: str | Path,
    cohorts: Sequence[str | Path],
    split: str | Path,
    real: str | Path,
    extractor: ExtractorSettings,
    settings: EvaluationSettings,
    fields: Mapping[str, Any],
    weights: str | Path | None = None,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Distances of an extractor between real training subjects and others as an autoencoder gives them back.

    Parameters
    ----------
    autoencoder : path
        ``model.safetensors`` of the autoencoder.
    cohorts : sequence of path
        Real cohorts of the study.
    split : path
        The fold's split; its first training subjects, `settings.probed_subjects` at most, are reconstructed.
    real : path
        Features of the real subjects by the same extractor.
    extractor : ExtractorSettings
        An entry of `evaluation.extractors`.
    settings : EvaluationSettings
        Number of subjects and splits, coverage, seed.
    fields : mapping
        Columns that all rows share.
    weights : path, optional
        The extractor's trained model, for an extractor of kind ``study``.
    threads : int
        CPU threads.
    progress : callable, optional
        Called with the subjects done and to do.

    Returns
    -------
    DataFrame
        See `synthaug.measures.reconstructions.measure_reconstructions`.
    """
    import torch

    torch.set_num_threads(threads)
    features = read_features(real)
    training = subjects_of(read_split(split), "train")
    try:
        network = make_extractor(extractor, weights)
    except ExtractorAbsent as reason:
        nothing = FeatureSet((), {}, extractor.kind, absent=str(reason))
        return measure_reconstructions(features, nothing, training, settings, fields)
    cohort = Cohort.open_all(cohorts)
    through = Reconstruction.load(autoencoder, str(autoencoder))
    subjects = training[: settings.probed_subjects]
    found: dict[str, list[np.ndarray]] = {}
    for done, subject in enumerate(subjects, start=1):
        images, _ = through.reconstruct(cohort.cine(subject))
        for kind, rows in network.extract(images).items():
            found.setdefault(kind, []).append(rows)
        if progress:
            progress(done, len(subjects))
    reconstructed = FeatureSet(tuple(subjects), found, network.id, network.whiten, network.seen)
    return measure_reconstructions(features, reconstructed, training, settings, fields)


def check_ceiling(
    record: str | Path, settings: ReconstructionCheckSettings, distances: pd.DataFrame | None = None
) -> dict[str, float]:
    """Refuse an autoencoder that reconstructs too badly to train a generator on.

    Parameters
    ----------
    record : path
        ``training.json`` of an autoencoder.
    settings : ReconstructionCheckSettings
        The limits.
    distances : DataFrame, optional
        From `reconstruction_distances`.

    Returns
    -------
    dict of str to float
        What was found: ``psnr_db``, ``ssim`` and, where frames have labels and masks are decoded, ``dice``,
        the mean over structures; ``fid_ratio`` where it was measured.

    Raises
    ------
    SynthaugError
        A figure is beyond its limit; the message names all that are.
    """
    figures = read_json(record)["figures"]
    found = {name: float(figures[name]) for name in ("psnr_db", "ssim")}
    overlaps = [value for name, value in figures.items() if name.startswith("dice_")]
    if overlaps:
        found["dice"] = float(np.mean(overlaps))
    beyond = [
        f"{name} {value:.3g} is below {getattr(settings, name):g}"
        for name, value in found.items()
        if not value >= getattr(settings, name)
    ]
    if distances is not None:
        measured = distances.query("metric == 'fid_reconstruction' and status == 'ok'")["value"]
        if len(measured):
            found["fid_ratio"] = ratio = float(measured.iloc[0])
            if not ratio <= settings.fid_ratio:
                beyond.append(f"fid_ratio {ratio:.3g} is above {settings.fid_ratio:g}")
    if beyond:
        raise SynthaugError(
            f"{record}: the autoencoder reconstructs too badly to train a generator on ({', '.join(beyond)}); train it "
            "longer, give it more latent channels, or loosen synthesis.reconstruction_check"
        )
    return found
