"""How well cines fit the sentences that describe their subjects: CLIPSIM between its two bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from synthaug.config.evaluation import EvaluationSettings
from synthaug.features.described import PARTS
from synthaug.features.files import FeatureSet
from synthaug.features.image_text import clipsim
from synthaug.measures.measurement import Measurement
from synthaug.metrics.percentile_bootstrap import bootstrap_mean_interval
from synthaug.tables import Row, make_table


def measure_text_agreement(
    real: FeatureSet,
    synthetic: FeatureSet,
    references: Mapping[str, Sequence[str]],
    measurement: Measurement,
) -> pd.DataFrame:
    """CLIPSIM of a synthetic cohort, of real subjects, and of real subjects with another's sentence.

    Parameters
    ----------
    real, synthetic : FeatureSet
        Features by one image-text extractor: ``"frames"`` and one row of ``"text"`` a subject.
    references : mapping of str to sequence of str
        Sets of real subjects to compare with.
    measurement : Measurement
        Generator, fold and seeds; replicates of the bootstrap over patients, coverage, seed.

    Returns
    -------
    DataFrame
        For each reference, rows ``clipsim`` (all images of a subject with its own sentence, mean over
        synthetic subjects), ``clipsim_real`` (the same of the reference: what can be reached) and
        ``clipsim_other`` (the reference with the sentence of a subject whose sentence differs: what a
        generator that ignores its condition reaches). For each fact in `PARTS` that the extractor put into a
        sentence of its own (`target`), ``clipsim_part`` and ``clipsim_part_real``: the same as the first two, with
        that sentence. None for any other kind of extractor.

    References
    ----------
    Wu et al., GODIVA, arXiv 2104.14806, 2021 (CLIPSIM). Kim et al., Controllable Text-to-Image Synthesis for
    Multi-Modality MR Images, table 3 (parts of the prompt).
    """
    if not (real.features.get("text") and synthetic.features.get("text")):
        return make_table([])
    rows: list[Row] = []
    settings = measurement.settings
    own = _similarities(synthetic)
    for versus, subjects in references.items():
        reference = real.select(subjects)
        found = {
            "clipsim": own,
            "clipsim_real": _similarities(reference),
            "clipsim_other": _similarities(reference, settings.seed),
        }
        compared = measurement.with_fields(versus=versus, extractor=real.extractor)
        rows += [compared.row(metric, **_mean(values, settings)) for metric, values in found.items()]
        for part in PARTS:
            kind = f"text_{part}"
            if kind in real.features and kind in synthetic.features:
                parts = {"clipsim_part": synthetic, "clipsim_part_real": reference}
                rows += [
                    compared.row(metric, target=part, **_mean(_similarities(features, kind=kind), settings))
                    for metric, features in parts.items()
                ]
    return make_table(rows)


def _similarities(features: FeatureSet, seed: int | None = None, kind: str = "text") -> np.ndarray:
    """CLIPSIM of each patient, the mean over visits, with the own sentence or, with a seed, a random other one."""
    described = zip(
        features.units().tolist(), features.features["frames"], features.features[kind], strict=True
    )
    visits = [(patient, frames, text[0]) for patient, frames, text in described if len(text)]
    if seed is not None and visits:
        visits = list(_with_another(visits, np.random.default_rng(seed)))
    found: dict[int, list[float]] = {}
    for patient, frames, sentence in visits:
        found.setdefault(patient, []).append(clipsim(frames, sentence))
    return np.array([np.mean(values) for values in found.values()])


#: Patient, images (n, d) and sentence (d,) of a visit.
_Visit = tuple[int, np.ndarray, np.ndarray]


def _with_another(visits: Sequence[_Visit], rng: np.random.Generator) -> Iterator[_Visit]:
    """Each visit with the sentence of a random one whose sentence differs; none where all are equal."""
    sentences = np.stack([sentence for _, _, sentence in visits])
    numbers = np.unique(sentences, axis=0, return_inverse=True)[1].ravel()
    for number, (patient, frames, _) in zip(numbers, visits, strict=True):
        others = np.flatnonzero(numbers != number)
        if len(others):
            yield patient, frames, sentences[others[rng.integers(len(others))]]


def _mean(values: np.ndarray, settings: EvaluationSettings) -> Row:
    if len(values) < 2:
        note = f"{len(values)} subjects with a sentence (for other sentences: that differ); 2 are needed"
        return {"status": "not_measured", "note": note, "n": len(values)}
    low, high = bootstrap_mean_interval(values, settings.replicates, settings.confidence, settings.seed)
    return {
        "status": "ok",
        "value": float(values.mean()),
        "n": len(values),
        "ci_low": low,
        "ci_high": high,
    }
