"""Reconstruction check: an autoencoder must reconstruct well before a generator trains on its latents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from synthaug.config.features import ExtractorSettings
from synthaug.config.synthesis import ReconstructionCheckSettings
from synthaug.core.artifacts import read_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.features.base import ExtractorAbsent
from synthaug.features.extraction import make_extractor
from synthaug.features.files import FeatureSet
from synthaug.generators.reconstruction import Reconstruction
from synthaug.measures.measurement import Measurement


def extract_reconstructions(
    training: Cohort,
    autoencoder: Reconstruction,
    extractor: ExtractorSettings,
    weights: str | Path | None,
    measurement: Measurement,
) -> FeatureSet:
    """Features of real training subjects as an autoencoder reconstructs them.

    Parameters
    ----------
    training : Cohort
        The fold's real training subjects; the first of them, `settings.sensitivity_subjects` at most, are reconstructed.
    autoencoder : Reconstruction
        The loaded autoencoder.
    extractor : ExtractorSettings
        An entry of `evaluation.extractors`.
    weights : path or None
        The extractor's trained model, for an extractor of kind ``study``.
    measurement : Measurement
        Number of subjects. Progress counts subjects.

    Returns
    -------
    FeatureSet
        Without subjects where the extractor is absent; `absent` says why.
    """
    try:
        network = make_extractor(extractor, weights)
    except ExtractorAbsent as reason:
        return FeatureSet((), {}, extractor.kind, absent=str(reason))
    subjects = training.subjects[: measurement.settings.sensitivity_subjects]
    found: dict[str, list[np.ndarray]] = {}
    for done, subject in enumerate(subjects, start=1):
        images, _ = autoencoder.reconstruct(training.cine(subject))
        for kind, rows in network.extract(images).items():
            found.setdefault(kind, []).append(rows)
        measurement.report(done, len(subjects))
    return FeatureSet(tuple(subjects), found, network.id, network.whiten, network.seen)


def check_reconstruction(
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
        From `synthaug.measures.reconstructions.measure_reconstructions`.

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
