"""Requests: cohorts without cines, made from tables and cohorts, and what cannot be requested."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthaug.config.conditions import CATEGORIES
from synthaug.config.data import HarmonisationSettings
from synthaug.core.artifacts import atomic_folder, link_or_copy, read_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import GUIDE, REQUEST_COLUMNS, Cohort, write_cohort
from synthaug.data.stored_nifti import read_shape
from synthaug.labels import FUNCTION_COLUMNS
from synthaug.views import NO_VOLUMES, SHORT_AXIS, View, has_volumes

#: What else of a cohort's table can be requested.
_PHENOTYPES = ("sex", "age", "height_cm", "weight_kg", "lv_ef", "rv_edv_ml", "rv_esv_ml", "rv_ef")
_TEXT = (*CATEGORIES, "sentence", "sex")


def request_cohort(
    table: pd.DataFrame,
    name: str = "requests",
    folders: Mapping[str, Path] | None = None,
    spacing_mm: Sequence[float] | None = None,
    sampler: Mapping[str, Any] | None = None,
    guides: bool = False,
    view: View = SHORT_AXIS,
) -> Cohort:
    """Requests in memory.

    Parameters
    ----------
    table : DataFrame
        One row a heart: ``subject``, ``seed`` (of the sample), ``n_slices``, and what is requested:
        `REQUEST_COLUMNS`, ``sentence``, any phenotype. An absent column or empty field is left open.
    name : str
        What messages call the requests.
    folders : mapping of str to Path, optional
        Folder that holds ``labels.nii.gz`` of each subject whose ``labelled_frames`` are listed.
    spacing_mm : sequence of 3 floats, optional
        Voxel size (z, y, x) of the masks.
    sampler : mapping, optional
        JSON-able facts about the model that the requests were drawn from, kept in ``cohort.json``.
    guides : bool
        Whether the cines in the folders are handed over to the generator, too.
    view : {"short_axis", "long_axis", "other"}
        What the cines shall show.

    Returns
    -------
    Cohort
        Of kind ``"request"``.
    """
    absent = [column for column in REQUEST_COLUMNS if column not in table.columns]
    table = table.assign(**dict.fromkeys(absent, None)).set_index("subject", drop=False)
    meta: dict[str, Any] = {"name": name, "kind": "request"}
    if spacing_mm is not None:
        meta["spacing_mm"] = list(spacing_mm)
    if sampler is not None:
        meta["sampler"] = dict(sampler)
    if guides:
        meta["guides"] = True
    meta["view"] = view
    places = {subject: Path(f"sub-{subject}") for subject in table.index}
    return Cohort(name, "request", table, places | dict(folders or {}), meta)


def write_requests(requests: Cohort, output: str | Path) -> None:
    """Write requests as a folder, atomically; masks are hard-linked where the file system allows."""
    with atomic_folder(Path(output)) as folder:
        for subject in requests.subjects:
            source, place = requests.folders[subject], folder / f"sub-{subject}"
            files = {"labels.nii.gz": source / "labels.nii.gz"} if requests.labelled_frames(subject) else {}
            if requests.meta.get("guides"):
                # A request that was read from a folder has a guide already, a subject of a cohort its cine.
                guide = source / GUIDE
                files[GUIDE] = guide if guide.is_file() else source / "cine.nii.gz"
                if not files[GUIDE].is_file():
                    raise SynthaugError(
                        f"{files[GUIDE]}: is missing, and synthesis.requests.images is true; edited masks have no image: set it "
                        "to false, and edges are those of the label maps"
                    )
            for name, file in files.items():
                place.mkdir(exist_ok=True)
                link_or_copy(file, place / name)
        rows = [{str(key): value for key, value in row.items()} for row in requests.table.to_dict("records")]
        write_cohort(folder, requests.name, "request", rows, requests.spacing_mm, **requests.identity)


def requests_of(cohort: pd.DataFrame) -> pd.DataFrame:
    """What each real subject would be requested as.

    Parameters
    ----------
    cohort : DataFrame
        Rows of a cohort's table.

    Returns
    -------
    DataFrame
        `REQUEST_COLUMNS` and, where any subject has one, ``sequence``, numbered from 0; unknown text is None, unknown
        numbers are NaN.
    """
    subjects = cohort.reset_index(drop=True)
    requests = subjects[["lv_edv_ml", "lv_esv_ml", "myo_mass_g", "n_slices"]].astype(float)
    known = [column for column in CATEGORIES if column in subjects]
    for column in known:
        requests[column] = _text_or_none(subjects[column])
    further = [column for column in known if column not in REQUEST_COLUMNS and requests[column].notna().any()]
    phase = subjects["es_frame"].astype(float) / subjects["n_frames"].astype(float)
    requests["es_phase"] = phase.where(phase > 0)
    return requests[[*REQUEST_COLUMNS, *further]]


def read_table(path: Path, phenotypes: Collection[str] = ()) -> pd.DataFrame:
    """Read a user's table of requests; absent columns and empty fields are open.

    Raises
    ------
    SynthaugError
        No such file, no rows, an unknown column, or a number that is none.
    """
    if not path.is_file():
        raise SynthaugError(f"{path}: no such table of requests; see synthesis.requests.table")
    requests = read_tsv(path, _TEXT)
    known = tuple(dict.fromkeys((*REQUEST_COLUMNS, *CATEGORIES, "sentence", *_PHENOTYPES, *phenotypes)))
    unknown = [column for column in requests.columns if column not in known]
    if unknown:
        raise SynthaugError(
            f"{path}: unknown column {unknown[0]!r}; known are {', '.join(known)}, separated by tabs; name others in "
            "synthesis.requests.phenotypes"
        )
    if requests.empty:
        raise SynthaugError(f"{path}: no requests; add one row per subject")
    extra = [column for column in requests.columns if column not in REQUEST_COLUMNS]
    requests = requests.reindex(columns=[*REQUEST_COLUMNS, *extra])
    return _typed(requests, [column for column in requests.columns if column not in phenotypes], path)


def _typed(requests: pd.DataFrame, columns: Sequence[str], where: object) -> pd.DataFrame:
    """Requests with text or None in the columns that are text, and finite numbers or NaN in the others of `columns`."""
    for column in columns:
        if column in _TEXT:
            requests[column] = _text_or_none(requests[column])
            continue
        numbers = pd.to_numeric(requests[column], errors="coerce").astype(float)
        wrong = requests.index[~np.isfinite(numbers) & requests[column].notna()]
        if len(wrong):
            value = str(requests[column][wrong[0]])
            raise SynthaugError(
                f"{where}: row {wrong[0] + 1}: {column} is {value!r}; give a number or nothing"
            )
        requests[column] = numbers
    return requests


def read_cohort(
    path: Path, grid: HarmonisationSettings, view: View = SHORT_AXIS
) -> tuple[pd.DataFrame, list[Path]]:
    """Requests from a folder: its own where it holds requests, else what its subjects are and look like.

    Returns
    -------
    requests : DataFrame
        `REQUEST_COLUMNS`, further columns, and ``labelled_frames`` where any subject has masks.
    folders : list of Path
        The folder of each row, with its masks.

    Raises
    ------
    SynthaugError
        The folder is no cohort or empty, is of another view, or its masks lie on another grid than the study's.
    """
    cohort = Cohort.open(path)
    if cohort.view != view:
        raise SynthaugError(
            f"{path}: a cohort of view {cohort.view}, the study is of view {view}; see synthesis.requests.cohort"
        )
    if not cohort.subjects:
        raise SynthaugError(f"{path}: holds no subject to request; see synthesis.requests.cohort")
    return requests_with_masks(cohort, grid)


def requests_with_masks(
    cohort: Cohort, grid: HarmonisationSettings, phenotypes: Collection[str] = ()
) -> tuple[pd.DataFrame, list[Path]]:
    """Requests of an opened cohort, with further columns of the table of one that is no requests; see `read_cohort`."""
    table = cohort.table.reset_index(drop=True)
    if cohort.kind == "request":
        own = table.drop(columns=["subject", "seed"], errors="ignore")
        extra = [column for column in own.columns if column not in REQUEST_COLUMNS]
        requests = own.reindex(columns=[*REQUEST_COLUMNS, *extra])
        known = dict.fromkeys((*REQUEST_COLUMNS, *_TEXT, *_PHENOTYPES))
        requests = _typed(requests, [column for column in known if column in requests], cohort.name)
    else:
        known = dict.fromkeys(("sentence", *_PHENOTYPES, "labelled_frames", *phenotypes))
        kept = [column for column in known if column in table.columns and column not in REQUEST_COLUMNS]
        requests = requests_of(table).join(table[kept])
        if "labelled_frames" in kept:
            requests["masks_of"] = _origins(table)
    folders = [cohort.folders[subject] for subject in cohort.subjects]
    if not any(map(cohort.labelled_frames, cohort.subjects)):
        return requests.drop(columns="labelled_frames", errors="ignore"), folders
    slices = [
        _check_masks(cohort, subject, grid) if cohort.labelled_frames(subject) else np.nan
        for subject in cohort.subjects
    ]
    # Masks say how many slices they have, where their table does not.
    requests["n_slices"] = requests["n_slices"].astype(float).fillna(pd.Series(slices))
    return requests, folders


def _origins(table: pd.DataFrame) -> pd.Series:
    """Whose masks the subjects of a real or synthetic cohort have: their own, or those that they were requested with."""
    origins = table["subject"].astype("string")
    for column in ("requested_masks_of", "requested_edited_from"):
        if column in table:
            origins = table[column].astype("string").fillna(origins)
    return origins


def _check_masks(cohort: Cohort, subject: str, grid: HarmonisationSettings) -> int:
    """Slices of the masks of a subject, which fit the study's grid and its row."""
    file = cohort.folders[subject] / "labels.nii.gz"
    if not file.is_file():
        raise SynthaugError(f"{file}: is missing, but labelled_frames lists frames; write it, or list none")
    n_frames, n_slices, *in_plane = read_shape(file)
    fits = n_frames == grid.frames and n_slices <= grid.matrix[0] and tuple(in_plane) == grid.matrix[1:]
    if not fits or cohort.spacing_mm != tuple(grid.spacing_mm):
        raise SynthaugError(
            f"{file}: masks are {(n_frames, n_slices, *in_plane)} (t, z, y, x) with voxels of {cohort.spacing_mm} mm, "
            f"the study's grid is {(grid.frames, *grid.matrix)} with {grid.spacing_mm} mm; harmonise both to one grid"
        )
    requested = cohort.table.loc[subject].get("n_slices")
    if pd.notna(requested) and int(requested) != n_slices:
        raise SynthaugError(
            f"{file}: masks have {n_slices} slices, n_slices is {requested:g}; give both the same"
        )
    return n_slices


def _text_or_none(values: pd.Series) -> pd.Series:
    return values.astype(object).where(values.notna(), None)


def refuse_other_view(requests: pd.DataFrame, view: View, where: object) -> None:
    """Refuse volumes and masses that are requested of cines which have none.

    Raises
    ------
    SynthaugError
        The first such column.
    """
    for column in () if has_volumes(view) else FUNCTION_COLUMNS:
        if column in requests and requests[column].notna().any():
            raise SynthaugError(f"{where}: requests {column}, and {NO_VOLUMES}; leave the column out")


def refuse_impossible(requests: pd.DataFrame, subjects: pd.DataFrame, max_slices: int, where: str) -> None:
    """Refuse hearts that cannot be, or of a category that no training subject has.

    Parameters
    ----------
    requests : DataFrame
        `REQUEST_COLUMNS`; open values are None or NaN and always possible.
    subjects : DataFrame
        The real training subjects, from `requests_of`.
    max_slices : int
        Slices of the training grid.
    where : str
        What the message should call the requests.

    Raises
    ------
    SynthaugError
        The first impossible request: its row, counted from 1, what is impossible, and the remedy.
    """
    seen = seen_categories(subjects)
    for number, row in enumerate(requests.to_dict("records"), start=1):
        problem = problem_of(row, seen, max_slices)
        if problem:
            raise SynthaugError(f"{where}: row {number}: {problem}")


def seen_categories(subjects: pd.DataFrame) -> dict[str, list[str]]:
    """Values that real subjects have, of each of `CATEGORIES`; none of one that their table lacks."""
    return {
        column: sorted(subjects[column].dropna().unique()) if column in subjects else []
        for column in CATEGORIES
    }


def problem_of(row: Mapping[Any, Any], seen: Mapping[str, Sequence[str]], max_slices: int) -> str | None:
    """Why a request is impossible; None where it is possible.

    Parameters
    ----------
    row : mapping
        `REQUEST_COLUMNS`, perhaps ``lv_ef``; open values are None or NaN.
    seen : mapping of str to sequence of str
        Values that the training subjects have, of each of `CATEGORIES`.
    max_slices : int
        Slices of the training grid.
    """
    for column in CATEGORIES:
        if pd.notna(row.get(column)) and row[column] not in seen[column]:
            known = ", ".join(seen[column]) or "none"
            return f"unknown {column} {row[column]!r}; the training subjects have {known}"
    for column, what in (
        ("lv_edv_ml", "a volume must be above 0 mL"),
        ("lv_esv_ml", "a volume must be above 0 mL"),
        ("myo_mass_g", "a mass must be above 0 g"),
    ):
        if row[column] <= 0:
            return f"{column} is {row[column]:g}; {what}"
    edv_ml, esv_ml, n_slices = row["lv_edv_ml"], row["lv_esv_ml"], row["n_slices"]
    if esv_ml >= edv_ml:
        return f"lv_esv_ml {esv_ml:g} is not below lv_edv_ml {edv_ml:g}; request a smaller ESV"
    ef = row.get("lv_ef")
    if pd.notna(ef) and not 1 <= ef < 100:
        return f"lv_ef is {ef:g}; give percent, from 1 to below 100"
    if n_slices < 1 or n_slices > max_slices or n_slices % 1 > 0:
        return f"n_slices is {n_slices:g}; give a whole number from 1 to {max_slices}, the slices of the grid"
    if row["es_phase"] <= 0 or row["es_phase"] >= 1:
        return f"es_phase is {row['es_phase']:g}; give a fraction of the cycle between 0 and 1"
    return None
