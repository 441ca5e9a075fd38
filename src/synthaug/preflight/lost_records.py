"""Results whose records Snakemake has lost: it would not see that their configuration changed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthaug.core.artifacts import read_json, write_json
from synthaug.core.errors import SynthaugError

#: The resolved study as the last run declared it, in ``results/<study>``.
CONFIGURATION = "configuration.json"
_SHOWN = 3  # keys that a message names


def write_configuration(results: str | Path, study: Mapping[str, Any]) -> None:
    """Keep the resolved study beside its results, for `check_records`."""
    write_json(Path(results) / CONFIGURATION, study)


def check_records(results: str | Path, study: Mapping[str, Any], records: str | Path) -> None:
    """Refuse results of another configuration where Snakemake has no record of how they were made.

    With records Snakemake finds what changed and reruns it. Without (results copied to another machine, `git clean`) it
    compares times of files only, and takes results of other parameters for current.

    Parameters
    ----------
    results : path
        Folder of the study's results, relative to the working folder.
    study : mapping
        The resolved study, JSON-able.
    records : path
        Snakemake's folder of records, ``.snakemake/metadata``.

    Raises
    ------
    SynthaugError
        The configuration differs from that of the results, and there is no record of any of them.
    """
    kept = Path(results) / CONFIGURATION
    if not kept.is_file():
        return
    changed = changed_keys(read_json(kept), study)
    if changed and not _has_record(Path(records), Path(results)):
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        raise SynthaugError(
            f"{results}: made with another configuration ({', '.join(changed[:_SHOWN])}{more}), and Snakemake's records of "
            f"it are gone ({records}), so that nothing would rerun; restore .snakemake, or move {results} away and run "
            f"again; to keep the results as they are, remove {kept}"
        )


def changed_keys(before: Any, now: Any, where: str = "") -> list[str]:
    """Keys whose values differ, with both values where these are single.

    Parameters
    ----------
    before, now : JSON-able
        Two configurations.
    where : str
        Key that both stand under.
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        return [
            line
            for key in dict.fromkeys([*before, *now])
            for line in changed_keys(before.get(key), now.get(key), f"{where}.{key}" if where else str(key))
        ]
    if before == now:
        return []
    single = not any(isinstance(value, Mapping | list) for value in (before, now))
    return [f"{where}: {before} before, {now} now" if single else where]


def _has_record(records: Path, results: Path) -> bool:
    """Whether Snakemake recorded any output below a folder; it names records by their path in base 64."""
    folder = f"{results.as_posix()}/"
    return records.is_dir() and any(
        _output_of(record.name).startswith(folder) for record in records.iterdir()
    )


def _output_of(name: str) -> str:
    """Path of the output of a record, or how it begins: a long one is cut, and the parts in front have an @."""
    cut = name.removeprefix("@")
    try:
        return base64.urlsafe_b64decode(cut + "=" * (-len(cut) % 4)).decode(errors="replace")
    except binascii.Error:
        return ""
