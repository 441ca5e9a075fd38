"""FID of each contrast on its own: a generator may be good at one vendor or sequence and poor at another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from synthaug.config.evaluation import ContrastSettings
from synthaug.data.cohort import Cohort
from synthaug.features.files import FeatureSet
from synthaug.measures.distances import distance_rows, side_of
from synthaug.measures.measurement import Measurement
from synthaug.measures.subject_distances import fit_transforms, transformed_rows
from synthaug.measures.synthetic_sample import joined, sample_synthetic
from synthaug.metric_registry import columns_of
from synthaug.tables import VALUED_STATUSES, Row, make_table

#: Metrics of the rows: of each contrast, and their mean.
FID, FID_MEAN = "contrast_fid", "contrast_fid_mean"


def contrasts_of(cohort: Cohort, settings: ContrastSettings) -> dict[str, str]:
    """Contrast of each subject: of a synthetic one that it was requested in.

    Returns
    -------
    dict of str to str
        Subject -> one of `settings.values`; without subjects of other contrasts or of none.
    """
    table = cohort.table
    requested = f"requested_{settings.column}"
    column = requested if requested in table else settings.column
    if column not in table:
        return {}
    known = table[table[column].isin(settings.values)]
    return dict(zip(known["subject"], known[column].astype(str), strict=True))


def measure_contrast_distances(
    real: FeatureSet,
    synthetic: FeatureSet,
    contrasts: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    settings: ContrastSettings,
    measurement: Measurement,
) -> pd.DataFrame:
    """FID of the synthetic subjects of each contrast to the real ones of the same contrast.

    Parameters
    ----------
    real, synthetic : FeatureSet
        Features by the same extractor, with the patients of visits.
    contrasts : mapping of str to str
        Contrast of each real and synthetic subject (`contrasts_of`).
    references : mapping of str to sequence of str
        Sets of real subjects to compare with. The features of the first define the whitening, of all contrasts together,
        where the extractor asks for it.
    settings : ContrastSettings
        The contrasts.
    measurement : Measurement
        Generator, fold and seeds; number of splits, coverage, seed.

    Returns
    -------
    DataFrame
        For each reference and contrast (`target`) a row ``contrast_fid`` with the floor of real subjects of that contrast and
        a row ``contrast_fid_ratio``, as `synthaug.measures.distances.measure_distances` measures them; and
        ``contrast_fid_mean``, the mean over contrasts, where all of them were measured. None of an extractor of clips.

    References
    ----------
    Kim et al., Controllable Text-to-Image Synthesis for Multi-Modality MR Images, table 1: FID of each modality and their
    average.
    """
    present = not (real.absent or synthetic.absent)
    if present and real.extractor != synthetic.extractor:
        raise ValueError(f"features are of two extractors, {real.extractor} and {synthetic.extractor}")
    if present and not all("frames" in side.features for side in (real, synthetic)):
        return make_table([])
    transforms = fit_transforms(real.select(next(iter(references.values())))) if present else {}
    synthetic, sampled = sample_synthetic(synthetic, measurement.settings)
    rows: list[Row] = []
    for place, (versus, subjects) in enumerate(references.items()):
        compared = measurement.with_fields(versus=versus, extractor=real.extractor)
        measured: list[Row] = []
        for done, value in enumerate(settings.values, start=place * len(settings.values)):
            measurement.report(done, len(references) * len(settings.values))
            if not present:
                note = real.absent or synthetic.absent
                rows.append(compared.row(FID, target=value, status="extractor_absent", note=note))
                continue
            sides = [
                side_of(transformed_rows(chosen, "frames", transforms) or [], chosen.units())
                for chosen in (
                    features.select([name for name in asked if contrasts.get(name) == value])
                    for features, asked in ((real, subjects), (synthetic, synthetic.subjects))
                )
            ]
            found = distance_rows("fid", sides[0], sides[1], measurement.settings, FID)
            measured.append(found[0])
            rows += [
                {**row, **compared.fields, "target": value, "note": joined(row.get("note", ""), sampled)}
                for row in found
            ]
        if measured:
            rows.append({**_mean(measured, settings), **compared.fields})
    return make_table(rows)


def _mean(measured: Sequence[Row], settings: ContrastSettings) -> Row:
    """The mean over contrasts; each contrast counts alike, however many subjects it has."""
    shared = columns_of(FID, "_mean")
    missing = [
        value
        for value, row in zip(settings.values, measured, strict=True)
        if row["status"] not in VALUED_STATUSES
    ]
    if missing:
        return {**shared, "status": "not_measured", "note": f"not measured of {', '.join(missing)}"}
    return {
        **shared,
        "status": "ok",
        "n": min(row["n"] for row in measured),
        "value": float(np.mean([row["value"] for row in measured])),
        "floor": float(np.mean([row["floor"] for row in measured])),
        "note": f"mean over {len(measured)} contrasts; n is of the least",
    }
