"""What the declared study has that the results lack, and what was made with something else than lies there now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from synthaug.core.artifacts import read_json, sha256_file, sha256_json
from synthaug.core.errors import SynthaugError
from synthaug.core.yaml_files import read_yaml
from synthaug.models.weights import read_header
from synthaug.preflight.lost_records import CONFIGURATION, changed_keys
from synthaug.tables.versions import CURRENT
from synthaug.upkeep.fault import Fault
from synthaug.upkeep.study_results import StudyResults

_SHOWN = 3  # keys that a line names


def find_missing(study: StudyResults) -> Iterator[Fault]:
    """One finding a kind of run of which files are not there: not made yet, or gone."""
    if study.declared is None:
        yield Fault(
            "missing",
            f"{study.folder / CONFIGURATION}: is not there or not of this version, so that nobody knows what the study "
            "declares; start snakemake once, a dry run does not write it",
        )
        return
    absent: dict[str, list[Path]] = {}
    total: Counter[str] = Counter()
    for run in study.runs():
        total[run.kind] += 1
        lacking = [file for file in run.files if not file.exists()]
        if lacking:
            absent.setdefault(run.kind, []).append(lacking[0])
    for kind, files in absent.items():
        yield Fault(
            "missing",
            f"{files[0]}: is not there; of {total[kind]} runs of kind {kind}, {len(files)} lack a file; run snakemake",
        )


def find_stale(study: StudyResults) -> Iterator[Fault]:
    """Weights and generators of other weights than those beside them, and tables of another configuration."""
    digest = cache(sha256_file)
    for weights in study.files_named("model.safetensors"):
        if weights.relative_to(study.folder).parts[0] != "models":
            continue
        try:
            needs = read_header(weights).needs
        except SynthaugError:
            continue  # damaged
        for role, need in needs.items():
            path = weights.parent / need["path"]
            if path.is_file() and digest(path.resolve()) != need["sha256"]:
                yield Fault(
                    "stale",
                    f"{weights}: was trained with another {role} than {path.resolve()}; run snakemake again",
                )
    yield from _stale_table(study)


def _stale_table(study: StudyResults) -> Iterator[Fault]:
    try:
        named = read_json(study.folder / "tables" / CURRENT)
        current = named["version"]
        made = read_yaml(study.folder / "tables" / str(current) / "configuration.yaml")
        now = read_json(study.folder / CONFIGURATION)
        if named.get("configuration_sha256") == sha256_json(now):
            return  # the rows of this configuration are those of an older version
    except (SynthaugError, OSError, KeyError, TypeError):
        return  # no table yet, or damaged
    changed = changed_keys(made, now)
    if changed:
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        yield Fault(
            "stale",
            f"{study.folder / 'tables' / str(current)}: of another configuration than the last run declared "
            f"({', '.join(changed[:_SHOWN])}{more}); run snakemake to the end",
        )
