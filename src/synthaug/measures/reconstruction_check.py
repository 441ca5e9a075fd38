"""Reconstruction check: an autoencoder must reconstruct well before a generator trains on its latents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from synthaug.config.features import ExtractorSettings
from synthaug.config.synthesis import GateSettings, ReconstructionCheckSettings
from synthaug.core.artifacts import read_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.features.base import ExtractorAbsent
from synthaug.features.extraction import make_extractor
from synthaug.features.files import FeatureSet
from synthaug.generators.reconstruction import Reconstruction
from synthaug.measures.measurement import Measurement
from synthaug.synthesis.gate import inspect_sample
from synthaug.synthesis.gather import acceptance_rows


def look_at_reconstructions(
    training: Cohort,
    autoencoder: Reconstruction,
    extractor: ExtractorSettings | None,
    weights: str | Path | None,
    gate: GateSettings,
    measurement: Measurement,
) -> tuple[FeatureSet | None, pd.DataFrame]:
    """Features and quality control of real training subjects as an autoencoder reconstructs them.

    Parameters
    ----------
    training : Cohort
        The fold's real training subjects; the first of them, `settings.sensitivity_subjects` at most, are reconstructed.
    autoencoder : Reconstruction
        The loaded autoencoder.
    extractor : ExtractorSettings or None
        An entry of `evaluation.extractors`, if there is one.
    weights : path or None
        The extractor's trained model, for an extractor of kind ``study``.
    gate : GateSettings
        As for synthetic cines.
    measurement : Measurement
        Number of subjects. Progress counts subjects.

    Returns
    -------
    features : FeatureSet or None
        Without subjects where the extractor is absent, which `absent` explains; None without an extractor.
    judged : DataFrame
        One row a subject: ``subject``, ``diagnosis``, ``accepted``, ``reasons`` (by commas), measurements of the gate.
    """
    network, absent = None, ""
    if extractor is not None:
        try:
            network = make_extractor(extractor, weights)
        except ExtractorAbsent as reason:
            absent = str(reason)
    subjects = training.subjects[: measurement.settings.sensitivity_subjects]
    found: dict[str, list[np.ndarray]] = {}
    judged = []
    for done, subject in enumerate(subjects, start=1):
        images, labels = autoencoder.reconstruct(training.cine(subject))
        reasons, measured = inspect_sample(images, labels, training.spacing_mm, gate, training.view)
        diagnosis = training.table.loc[subject, "diagnosis"]
        judged.append(
            {
                "subject": subject,
                "diagnosis": diagnosis,
                "accepted": not reasons,
                "reasons": ",".join(reasons),
                **measured,
            }
        )
        for kind, rows in (network.extract(images) if network else {}).items():
            found.setdefault(kind, []).append(rows)
        measurement.report(done, len(subjects))
    features = None
    if network is not None:
        features = FeatureSet(tuple(subjects), found, network.id, network.whiten, network.seen)
    elif extractor is not None:
        features = FeatureSet((), {}, extractor.kind, absent=absent)
    return features, pd.DataFrame(judged)


def measure_reconstruction_acceptance(judged: pd.DataFrame, measurement: Measurement) -> pd.DataFrame:
    """Result rows of `look_at_reconstructions`: what of quality control no generator on these latents is to blame for.

    Returns
    -------
    DataFrame
        ``reconstruction_acceptance_rate`` with a Wilson interval, of all and by diagnosis, and
        ``reconstruction_rejected_<reason>``.
    """
    tables = [acceptance_rows(judged, **measurement.fields)]
    diagnoses = judged["diagnosis"].dropna()
    if diagnoses.nunique() > 1:
        tables += [
            acceptance_rows(
                judged[judged["diagnosis"] == diagnosis], **measurement.fields, diagnosis=diagnosis
            )
            for diagnosis in sorted(diagnoses.unique())
        ]
    rows = pd.concat(tables, ignore_index=True)
    rows["metric"] = "reconstruction_" + rows["metric"]
    rows["definition"] = "reconstruction." + rows["definition"]
    return rows


def check_reconstruction(
    record: str | Path, settings: ReconstructionCheckSettings, rows: pd.DataFrame | None = None
) -> dict[str, float]:
    """Refuse an autoencoder that reconstructs too badly to train a generator on.

    Parameters
    ----------
    record : path
        ``training.json`` of an autoencoder.
    settings : ReconstructionCheckSettings
        The limits.
    rows : DataFrame, optional
        Rows of `synthaug.measures.reconstructions.measure_reconstructions` and `measure_reconstruction_acceptance`.

    Returns
    -------
    dict of str to float
        What was found: ``psnr_db``, ``ssim`` and, where frames have labels and masks are decoded, ``dice``,
        the mean over structures; ``fid_ratio`` and ``accepted`` where they were measured.

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
    if rows is not None:
        accepted = rows.query("metric == 'reconstruction_acceptance_rate' and diagnosis.isna()")["value"]
        if len(accepted):
            found["accepted"] = share = float(accepted.iloc[0])
            if not share >= settings.accepted:
                beyond.append(f"accepted {share:.3g} is below {settings.accepted:g}")
        measured = rows.query("metric == 'fid_reconstruction' and status == 'ok'")["value"]
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
