"""Distances between two folders of cines, without a study around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthaug import __version__
from synthaug.compare_folders.cohorts import (
    CineFolder,
    cohort_on_grid,
    common_grid,
    content_of,
    read_folder,
    spelled,
)
from synthaug.compare_folders.extractor import (
    check_extractor,
    extractor_weights,
    patch_of,
    refuse_large_clips,
)
from synthaug.compare_folders.notes import extractor_notes, folder_notes, grid_notes
from synthaug.compare_folders.options import MINIMUM_SYNTHETIC, EvaluateOptions
from synthaug.config.features import (
    StudyExtractorSettings,
)
from synthaug.core.artifacts import atomic_file, sha256_file, sha256_json
from synthaug.core.errors import SynthaugError
from synthaug.core.spreadsheets import write_table
from synthaug.data.cohort import Cohort
from synthaug.features.files import FeatureSet, read_features
from synthaug.jobs.progress import progress
from synthaug.measures.distances import measure_distances
from synthaug.measures.fidelity import measure_fidelity
from synthaug.measures.measurement import Measurement
from synthaug.report.evaluation import comparison_table, render_page
from synthaug.tables.schema import typed

SIDE_NAMES = ("real", "synthetic")


@dataclass(frozen=True)
class Evaluation:
    """What a comparison found.

    Attributes
    ----------
    rows : DataFrame
        Result rows, in the schema of `synthaug.tables`.
    table : list of dict
        A line a measure (`synthaug.report.evaluation.comparison_table`).
    notes : list of str
        What was done to the cines and what limits the numbers.
    trained : bool
        Whether an extractor was trained in this call.
    """

    rows: pd.DataFrame
    table: list[dict[str, Any]]
    notes: list[str]
    trained: bool


def evaluate_folders(
    real: str | Path, synthetic: str | Path, output: str | Path, options: EvaluateOptions | None = None
) -> Evaluation:
    """Measure how far a folder of synthetic cines lies from a folder of real ones.

    Parameters
    ----------
    real, synthetic : path
        Cohorts or plain folders; see `synthaug.compare_folders.cohorts.read_folder`.
    output : path
        Folder that receives ``rows.csv``, ``rows.parquet``, ``evaluation.html``, the cines on one voxel grid in
        ``cohorts/``, the features in ``features/`` and a trained extractor in ``extractor/``, which a later
        call finds again.
    options : EvaluateOptions, optional
        How; the defaults where None.

    Returns
    -------
    Evaluation

    Raises
    ------
    SynthaugError
        The cines or the extractor cannot be used, or there are too few; no row is written then.
    """
    options, output = options or EvaluateOptions(), Path(output)
    if output.exists() and not output.is_dir():
        raise SynthaugError(f"{output}: is a file; name a folder with --output")
    for side in map(Path, (real, synthetic)):
        if output.resolve().is_relative_to(side.resolve()):
            raise SynthaugError(
                f"{output}: lies in {side}, and the next call would count the cines that this one writes there; name a "
                "folder outside with --output"
            )
    header = check_extractor(options)
    patch = patch_of(options, header)
    sides = _read_sides(Path(real), Path(synthetic), options)
    grid = common_grid(*sides, options.resample, options.size, patch[1:])
    if options.network is None:
        refuse_large_clips(grid, patch)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SynthaugError(
            f"{output}: cannot be written ({error.strerror}); name another with --output"
        ) from None
    cohorts = [
        cohort_on_grid(folder, role, grid, output / "cohorts", options.threads)
        for folder, role in zip(sides, SIDE_NAMES, strict=True)
    ]
    contents = [content_of(folder, grid) for folder in sides]
    n_slices = max(cine.shape[1] for cine in sides[0].cines)
    weights, trained = extractor_weights(cohorts[0], n_slices, contents[0], options, output / "extractor")
    features = [
        _features(cohort, role, content, options, weights, output)
        for cohort, role, content in zip(cohorts, SIDE_NAMES, contents, strict=True)
    ]
    check_features_agree(*features)
    rows = _measure(features[0], features[1], sides, options)
    notes = [
        *folder_notes(sides),
        *grid_notes(sides, grid),
        *extractor_notes(features[0], header, sides, grid),
    ]
    table = comparison_table(rows)
    with atomic_file(output / "rows.csv") as temporary:
        write_table(temporary, rows)
    with atomic_file(output / "rows.parquet") as temporary:
        rows.to_parquet(temporary, index=False)
    content = {
        "title": f"{sides[1].name} against {sides[0].name}",
        "sides": [
            {"role": role, "name": folder.name, "source": str(folder.path), "count": len(folder.cines)}
            for role, folder in zip(SIDE_NAMES, sides, strict=True)
        ],
        "table": table,
        "notes": notes,
        "confidence": options.settings.confidence,
        "facts": {
            "synthaug": __version__,
            "features": features[0].extractor,
            "grid": f"{grid.frames} frames of {spelled(grid.matrix[1:])} pixels of {spelled(grid.spacing_mm[1:])} mm",
            "seed": options.settings.seed,
            "rows.csv": sha256_file(output / "rows.csv"),
            "rows.parquet": sha256_file(output / "rows.parquet"),
        },
    }
    render_page(content, output / "evaluation.html")
    return Evaluation(rows, table, notes, trained)


def check_features_agree(real: FeatureSet, synthetic: FeatureSet) -> None:
    """Refuse features that no distance can compare.

    Raises
    ------
    SynthaugError
        Other extractors, kinds or lengths of the vectors, or a value that is not finite.
    """
    again = "extract both again with one extractor"
    if real.extractor != synthetic.extractor or set(real.features) != set(synthetic.features):
        raise SynthaugError(
            f"features: of two extractors, {real.extractor} and {synthetic.extractor}; {again}"
        )
    for kind in real.features:
        lengths = {array.shape[1] for side in (real, synthetic) for array in side.features[kind]}
        if len(lengths) > 1:
            named = " and ".join(map(str, sorted(lengths)))
            raise SynthaugError(f"features: {kind} vectors are of unequal size, {named}; {again}")
        for side in (real, synthetic):
            for subject, array in zip(side.subjects, side.features[kind], strict=True):
                if not np.isfinite(array).all():
                    raise SynthaugError(
                        f"features: {kind} of {subject} are not finite; check the extractor's weights"
                    )


def _read_sides(real: Path, synthetic: Path, options: EvaluateOptions) -> tuple[CineFolder, CineFolder]:
    first, second = (
        read_folder(folder, role, options.threads)
        for folder, role in zip((real, synthetic), SIDE_NAMES, strict=True)
    )
    n_real, n_synthetic = len(first.cines), len(second.cines)
    if n_real < options.minimum or n_synthetic < MINIMUM_SYNTHETIC:
        raise SynthaugError(
            f"too few subjects: {n_real} in {real} and {n_synthetic} in {synthetic}, at least {options.minimum} real "
            f"and {MINIMUM_SYNTHETIC} synthetic ones are needed; add cines"
        )
    return first, second


def _features(
    cohort: Cohort,
    role: str,
    content: Mapping[str, Any],
    options: EvaluateOptions,
    weights: Path | None,
    output: Path,
) -> FeatureSet:
    from synthaug.features.extraction import extract_features, make_extractor

    settings = options.network or StudyExtractorSettings(kind="study", model="trained on REAL")
    identity = sha256_json({"extractor": make_extractor(settings, weights).id, **content})
    path = output / "features" / f"{role}-{identity[:16]}.npz"
    if not path.is_file():
        described = progress(f"{role} cines described")
        extract_features(cohort, settings, path, weights, options.threads, described)
    return read_features(path)


def _measure(
    real: FeatureSet,
    synthetic: FeatureSet,
    sides: tuple[CineFolder, CineFolder],
    options: EvaluateOptions,
) -> pd.DataFrame:
    measurement = Measurement({"generator": sides[1].name}, options.settings, progress("distances"))
    references = {sides[0].name: real.subjects}
    distances = measure_distances(real, synthetic, references, measurement, options.threads)
    fidelity = measure_fidelity(real, synthetic, real.subjects, measurement.with_fields(versus=sides[0].name))
    tables = [typed(table, "rows") for table in (distances, fidelity) if len(table)]
    return pd.concat(tables, ignore_index=True)
