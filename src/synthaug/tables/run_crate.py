"""The record of a table version as an RO-Crate: what ran, with which software, on what, giving what."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthaug.core.artifacts import sha256_file, write_json
from synthaug.core.errors import SynthaugError

METADATA = "ro-crate-metadata.json"
#: Profile that the record follows: one process that read, ran and wrote.
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_FORMATS = {".parquet": "application/vnd.apache.parquet", ".yaml": "application/yaml", ".lock": "text/plain"}
_DESCRIPTIONS = {
    "rows.csv": "result rows, one fact a row",
    "rows.parquet": "the same rows, typed",
    "summary.csv": "summary: arms in columns, metrics in rows",
    "summary.md": "the same summary, to read",
    "summary.tex": "the same summary, for a paper",
    "configuration.yaml": "the resolved configuration of the study",
    "environment.lock": "every Python package that was installed, with its version",
    "data_manifest.tsv": "every cohort file and split behind the rows, with its SHA-256",
    "code_manifest.tsv": "every file of the workflow and the package, with its SHA-256",
    "trainings.tsv": "every training behind the rows: device, time, SHA-256 of the weights",
    "provenance.json": "commit, machine, versions, seeds, time",
}
#: Files of a version that the run read, or that say what it read; the others are what it made.
_INPUTS = (
    "configuration.yaml",
    "environment.lock",
    "data_manifest.tsv",
    "code_manifest.tsv",
    "trainings.tsv",
)


def write_crate(folder: Path, provenance: Mapping[str, Any]) -> None:
    """Describe the files of a folder as a Process Run Crate.

    Parameters
    ----------
    folder : Path
        Folder with all other files of the version; receives ``ro-crate-metadata.json``.
    provenance : mapping
        The run's record (`synthaug.core.provenance.run_record`); what it lacks is left out.
    """
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    crate = ROCrate()
    study, created = str(provenance.get("study", "study")), provenance.get("created")
    crate.name = f"Result tables of the study {study}"
    crate.description = "Rows, their summary, and what is needed to trace them; checksums in SHA256SUMS."
    # The library dates a crate by the clock; a record is dated by the run, or two runs would differ.
    if created:
        crate.root_dataset["datePublished"] = created
    else:
        crate.root_dataset._jsonld.pop("datePublished", None)
    crate.root_dataset["conformsTo"] = crate.add(
        ContextEntity(
            crate, PROFILE, {"@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
        )
    )
    files = {}
    for path in sorted(folder.iterdir()):
        guessed = _FORMATS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
        facts = {
            "name": path.name,
            "description": _DESCRIPTIONS.get(path.name),
            "encodingFormat": guessed,
            "contentSize": str(path.stat().st_size),
            "sha256": sha256_file(path),
        }
        known = {key: value for key, value in facts.items() if value is not None}
        files[path.name] = crate.add_file(path, dest_path=path.name, properties=known)
    software = {"synthaug": provenance.get("synthaug"), **provenance.get("packages", {})}
    tools = [
        crate.add(
            ContextEntity(
                crate,
                f"#{name}",
                {"@type": "SoftwareApplication", "name": name, "softwareVersion": str(version)},
            )
        )
        for name, version in software.items()
        if version
    ]
    commit = (provenance.get("git") or {}).get("commit")
    if tools:
        if commit:
            tools[0]["version"] = commit
        tools[0]["softwareRequirements"] = tools[1:]
    action = {
        "name": f"Study {study}",
        "actionStatus": {"@id": "http://schema.org/CompletedActionStatus"},
        **({"endTime": created} if created else {}),
    }
    crate.root_dataset["mentions"] = crate.add_action(
        tools[0] if tools else None,
        identifier="#run",
        object=[file for name, file in files.items() if name in _INPUTS],
        result=[file for name, file in files.items() if name not in _INPUTS],
        properties=action,
    )
    write_json(folder / METADATA, crate.metadata.generate())


def read_crate(folder: str | Path) -> dict[str, str]:
    """Files that a version's record describes, with their SHA-256.

    Raises
    ------
    SynthaugError
        The record cannot be read as an RO-Crate.
    """
    from rocrate.rocrate import ROCrate

    try:
        crate = ROCrate(str(folder))
    except (ValueError, OSError, KeyError) as error:
        raise SynthaugError(
            f"{Path(folder) / METADATA}: is no RO-Crate ({error}); collate the rows again"
        ) from None
    return {entity.id: entity["sha256"] for entity in crate.data_entities if "sha256" in entity.properties()}
