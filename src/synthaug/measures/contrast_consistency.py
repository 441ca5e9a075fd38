"""Do the contrasts of one heart show the same heart? Similarity between what only contrast or everything tells apart."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from synthaug.config.evaluation import ContrastSettings
from synthaug.data.cohort import Cohort
from synthaug.measures.measurement import Measurement
from synthaug.metrics.percentile_bootstrap import bootstrap_mean_interval
from synthaug.metrics.similarity import (
    normalised_cross_correlation,
    normalised_mutual_information,
    structural_similarity,
)
from synthaug.synthesis.plan_contrasts import CONTRAST, HEART, RESEEDED
from synthaug.tables import Row, make_table

SCORES: Mapping[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "contrast_ssim": lambda one, other: structural_similarity(one, other, 1.0),
    "contrast_nmi": normalised_mutual_information,
    "contrast_ncc": normalised_cross_correlation,
}
_Cines = dict[str, np.ndarray]
#: Ends the name of a metric: one contrast with another seed; two contrasts of two hearts; of one real patient; of two.
RESEED, OTHER, REAL, REAL_OTHER = "_reseeded", "_other", "_real", "_real_other"
REFERENCES = (RESEED, OTHER, REAL, REAL_OTHER)


def measure_contrast_consistency(
    made: Cohort, real: Cohort, settings: ContrastSettings, measurement: Measurement
) -> pd.DataFrame:
    """SSIM, NMI and NCC of several contrasts of one heart, with their references.

    Parameters
    ----------
    made : Cohort
        Synthetic subjects, made for the requests of `synthaug.synthesis.plan_contrasts.plan_contrasts`.
    real : Cohort
        Real subjects; those of one ``patient`` in several contrasts give the upper bound of the paper, random ones of two
        patients its lower bound.
    settings : ContrastSettings
        Column, values, and how many pairs of real patients are compared at most.
    measurement : Measurement
        Generator, fold and seeds; replicates of the bootstrap over hearts, coverage, seed.

    Returns
    -------
    DataFrame
        For each of `SCORES` a mean over hearts of the mean over all pairs of contrasts, with its interval, and four
        references: the first contrast with another seed (`RESEED`: what the request determines), two contrasts of two
        synthetic hearts (`OTHER`: as high as the first, the request does not say whose heart), two contrasts of a real
        patient (`REAL`: the upper bound, not measured where nobody was imaged in two of them) and of two real patients
        (`REAL_OTHER`: the lower bound). ``versus`` names the contrasts.

    Notes
    -----
    Scores are of whole cines, all frames and slices together; of two stacks with different numbers of slices, the
    slices in the middle that both have. Every heart is compared with one other, the next along a random circle. NMI is
    Studholme's, between 1 and 2; 2 - 2 / NMI is the one between 0 and 1.

    References
    ----------
    Kim et al., Controllable Text-to-Image Synthesis for Multi-Modality MR Images, table 2: synthetic sequences between
    real sequences of one patient (upper) and random ones (lower).
    """
    versus = f"{settings.column} {', '.join(settings.values)}"
    measurement = measurement.with_fields(versus=versus)
    conditions = made.meta.get("conditions")
    if conditions is not None and not {settings.column, "sentence"} & set(conditions):  # sentences tell both
        note = f"the generator is not conditioned on {settings.column}"
        return make_table(measurement.not_measured(name, note=note) for name in SCORES)
    hearts = _hearts(made, settings)
    rows: list[Row] = []
    found: dict[str, list[float]] = {}
    for place, (cines, other) in enumerate(_with_next(hearts, made, measurement.settings.seed)):
        measurement.report(place, len(hearts))
        contrasts = [cines[value] for value in settings.values]
        compared = {
            "": list(itertools.combinations(contrasts, 2)),
            RESEED: [(contrasts[0], cines[RESEEDED])],
            OTHER: [(cines[one], other[two]) for one, two in itertools.combinations(settings.values, 2)],
        }
        _add(found, compared)
    for subjects in _real_patients(real, settings):
        _add(found, {REAL: list(itertools.combinations([real.cine(name) for name in subjects], 2))})
    for pairs in _real_strangers(real, settings, measurement.settings.seed):
        _add(found, {REAL_OTHER: [(real.cine(one), real.cine(other)) for one, other in pairs]})
    asked = f"{', '.join(settings.values)} ({settings.column})"
    missing = {
        REAL: f"no patient was imaged with two of {asked}",
        REAL_OTHER: f"no two patients were imaged with different ones of {asked}",
    }
    for reference in ("", *REFERENCES):
        for name in SCORES:
            values = np.array(found.get(name + reference, []), np.float64)
            values = values[np.isfinite(values)]
            if not len(values):
                note = missing.get(reference, "no heart was made in all contrasts")
                rows.append(measurement.not_measured(name + reference, note=note))
                continue
            row: Row = {"status": "ok", "n": len(values), "value": float(values.mean())}
            if len(values) > 1:
                chosen = measurement.settings
                row["ci_low"], row["ci_high"] = bootstrap_mean_interval(
                    values, chosen.replicates, chosen.confidence, chosen.seed
                )
            rows.append(measurement.row(name + reference, **row))
    return make_table(rows)


def _add(found: dict[str, list[float]], pairs: Mapping[str, Sequence[tuple[np.ndarray, np.ndarray]]]) -> None:
    """Add a heart: the mean of each score over its pairs, by metric and reference."""
    for reference, compared in pairs.items():
        for name, score in SCORES.items():
            values = [score(*_common_slices(*pair)) for pair in compared]
            found.setdefault(name + reference, []).append(float(np.mean(values)))


def _hearts(made: Cohort, settings: ContrastSettings) -> list[dict[str, str]]:
    """Subject of each contrast of the hearts that were made in all of them."""
    table = made.table
    hearts = [
        dict(zip(rows[f"requested_{CONTRAST}"], rows["subject"], strict=True))
        for _, rows in table.groupby(f"requested_{HEART}", sort=False)
    ]
    return [heart for heart in hearts if {*settings.values, RESEEDED} <= set(heart)]


def _with_next(hearts: list[dict[str, str]], made: Cohort, seed: int) -> Iterator[tuple[_Cines, _Cines]]:
    """Cines of each heart by contrast, and those of another one; none of a single heart."""
    if len(hearts) < 2:
        return
    circle = np.random.default_rng(seed).permutation(len(hearts))
    for place in range(len(hearts)):
        pair = hearts[circle[place]], hearts[circle[(place + 1) % len(hearts)]]
        own, other = ({name: made.cine(subject) for name, subject in heart.items()} for heart in pair)
        yield own, other


def _real_patients(real: Cohort, settings: ContrastSettings) -> list[list[str]]:
    """Subjects, one a contrast, of each patient with two of the contrasts or more."""
    table = real.table
    if settings.column not in table or "patient" not in table:
        return []
    table = table[table[settings.column].isin(settings.values)]
    visits = [list(rows.drop_duplicates(settings.column)["subject"]) for _, rows in table.groupby("patient")]
    return [subjects for subjects in visits if len(subjects) > 1]


def _real_strangers(real: Cohort, settings: ContrastSettings, seed: int) -> list[list[tuple[str, str]]]:
    """Pairs of subjects of two patients, one of each two contrasts; every subject of the first is drawn at most once."""
    table = real.table
    if settings.column not in table:
        return []
    patient = (
        table["patient"].fillna(table["subject"]) if "patient" in table else table["subject"]
    ).to_numpy(object)
    draw = np.random.default_rng(seed)
    found: list[list[tuple[str, str]]] = [[] for _ in range(settings.subjects)]
    for values in itertools.combinations(settings.values, 2):
        first, second = (
            draw.permutation(np.flatnonzero(table[settings.column] == value)) for value in values
        )
        # One after another, as many as are asked for: all pairs of a large cohort are not needed.
        strangers = (
            (one, others[place % len(others)])
            for place, one in enumerate(first)
            if len(others := second[patient[second] != patient[one]])
        )
        for pairs, (one, other) in zip(found, strangers, strict=False):
            pairs.append((table["subject"].iloc[one], table["subject"].iloc[other]))
    return [pairs for pairs in found if pairs]


def _common_slices(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The slices (t, z, y, x) in the middle that both have."""
    count = min(one.shape[1], other.shape[1])
    parts = []
    for cine in (one, other):
        first = (cine.shape[1] - count) // 2
        parts.append(cine[:, first : first + count])
    return parts[0], parts[1]
