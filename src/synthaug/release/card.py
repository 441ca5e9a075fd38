"""What the card of a released generator says: facts, read from its study's results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug import __version__
from synthaug.core.artifacts import read_json, sha256_file
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, with_labels_of_split
from synthaug.models.weights import Header, read_header
from synthaug.tables.collate import verified_rows
from synthaug.tables.compact import read_aggregates
from synthaug.tables.versions import CURRENT, find_version
from synthaug.views import SHORT_AXIS, View

#: Columns of a result row in ``measured.tsv``.
COLUMNS = (
    *("metric", "definition", "unit", "direction", "value", "status", "note"),
    *("n", "ci_low", "ci_high", "floor", "floor_sd"),
    *("versus", "extractor", "target", "structure", "phase", "vendor", "diagnosis"),
)


def describe_release(
    source: Path, content: Mapping[str, Any], models: Mapping[str, Path], files: Sequence[Path], licence: str
) -> dict[str, Any]:
    """Content of ``card.json``.

    Parameters
    ----------
    source : Path
        ``results/<study>/generators/<generator>/fold-<fold>/generator-seed-<seed>``.
    content : mapping
        Of its ``generator.json``.
    models : mapping of str to Path
        Weight file of each role.
    files : sequence of Path
        All weight files, those that the models build on included.
    licence : str
        As given.

    Returns
    -------
    dict
        JSON-able.
    """
    headers = {file: read_header(file) for file in files}
    rows = measured_rows(source)
    known = rows.astype(object).where(rows.notna(), None).to_dict("records")
    first = headers[next(iter(models.values()))]
    seen = sorted({subject for header in headers.values() for subject in header.seen})
    return {
        "generator": source.parents[1].name,
        "kind": content["settings"]["kind"],
        "study": source.parents[3].name,
        "fold": _number(source.parent.name),
        "generator_seed": _number(source.name),
        "synthaug": __version__,
        "licence": licence,
        "grid": first.grid,
        "view": view_of(source.parents[3]),
        "categories": categories_of(headers.values()),
        "models": [_model(file, header) for file, header in headers.items()],
        "code_from_outside": dict(content["code"]),
        "trained_on": trained_on(source.parents[3], source.parent.name, seen),
        "measured": [row for row in known if _in_card(row)],
        "table_version": _version(source.parents[3]),
    }


def _number(name: str) -> int:
    return int(name.rsplit("-", 1)[1])


def categories_of(headers: Iterable[Header]) -> dict[str, list[str]]:
    """Values that any of the models knows, of each category that one is conditioned on."""
    found: dict[str, set[str]] = {}
    for header in headers:
        vocabulary = header.facts.get("vocabulary")
        for name, values in vocabulary.items() if isinstance(vocabulary, dict) else ():
            found.setdefault(name, set()).update(values)
    return {name: sorted(values) for name, values in found.items()}


def _model(file: Path, header: Header) -> dict[str, Any]:
    record = file.with_name("training.json")
    trained = read_json(record) if record.is_file() else {}
    about = {
        key: trained.get(key)
        for key in ("parameters", "iterations", "seconds", "device", "precision", "init")
    }
    # A text encoder from elsewhere stays where it lies; its licence is its own.
    outside = {key: header.settings[key] for key in ("weights", "sha256") if header.settings.get(key)}
    return {
        "model": file.parents[2].name,
        "kind": header.settings["kind"],
        "sha256": sha256_file(file),
        **about,
        **({"weights_from_outside": outside} if outside else {}),
    }


def view_of(study: Path) -> View:
    """What the cines of a study show; short axes where its cohorts are gone."""
    for file in sorted((study / "cohorts").glob("*/cohort.json")):
        return Cohort.open(file.parent).view
    return SHORT_AXIS


def trained_on(study: Path, fold: str, seen: Sequence[str]) -> list[dict[str, Any]]:
    """Counts of the subjects that a generator was trained on, by dataset; what their split withholds counts as unknown.

    Parameters
    ----------
    study : Path
        ``results/<study>``.
    fold : str
        ``fold-<fold>``.
    seen : sequence of str
        Their ids.

    Returns
    -------
    list of dict
        ``dataset``, ``subjects``, ``labelled``, ``vendors`` and ``diagnoses`` with counts; a last entry without a dataset
        counts those in none of the study's cohorts, such as those of weights that a training started from.
    """
    rest, found = set(seen), []
    split = study / "splits" / f"{fold}.tsv"
    for folder in sorted((study / "cohorts").glob("*/cohort.json")):
        cohort = Cohort.open(folder.parent)
        if split.is_file():
            cohort = with_labels_of_split(cohort, read_split(split))
        own = [subject for subject in cohort.subjects if subject in rest]
        rest -= set(own)
        if own:
            table = cohort.select(own).table
            counts = {
                f"{plural}": {
                    str(key): int(n)
                    for key, n in table[column].value_counts(dropna=True).sort_index().items()
                }
                for column, plural in (("vendor", "vendors"), ("diagnosis", "diagnoses"))
            }
            labelled = sum(bool(cohort.labelled_frames(subject)) for subject in own)
            found.append({"dataset": cohort.name, "subjects": len(own), "labelled": labelled, **counts})
    return found + ([{"dataset": None, "subjects": len(rest)}] if rest else [])


def measured_rows(source: Path) -> pd.DataFrame:
    """Result rows about this training of the generator itself, not about arms or single subjects.

    Parameters
    ----------
    source : Path
        As for `describe_release`.

    Returns
    -------
    DataFrame
        `COLUMNS` of the current table version; no row where the study has none.
    """
    version = _version(source.parents[3])
    if version is None:
        return pd.DataFrame(columns=list(COLUMNS))
    rows = read_aggregates(verified_rows(find_version(version, source.parents[3])))
    own = (
        (rows["generator"] == source.parents[1].name)
        & (rows["fold"] == _number(source.parent.name))
        & (rows["generator_seed"] == _number(source.name))
    )
    alone = rows[["task", "arm", "other_generator"]].isna().all(axis=1)
    return rows.loc[own & alone, list(COLUMNS)].reset_index(drop=True)


def _version(study: Path) -> str | None:
    record = study / "tables" / CURRENT
    return str(read_json(record)["version"]) if record.is_file() else None


def _in_card(row: Mapping[Any, Any]) -> bool:
    return row["metric"] in SHOWN and row["vendor"] is None and row["diagnosis"] is None


#: Metrics of the card, in its order: acceptance, distances, control, masks, function, copies.
SHOWN = (
    "acceptance_rate",
    *("fid_ratio", "fvd_t_ratio", "fvd_s_ratio", "f4d_ratio"),
    *("controllability_r_lv_edv_ml", "controllability_r_lv_ef", "controllability_r_myo_mass_g"),
    *("mask_agreement_dice", "function_lv_ef_difference"),
    *("copied_share", "copied_share_real", "unusually_near_share", "nearest_trained_share"),
    *("copied_share_features", "copied_share_real_features", "unusually_near_share_features"),
)
