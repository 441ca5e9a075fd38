"""Commands about results that lie there: what is wrong with them, and what nobody needs any more."""

from __future__ import annotations

import argparse
from typing import Any

from synthaug.cli.paths import path_argument


def add(commands: Any) -> None:
    """Declare the commands."""
    doctor = commands.add_parser(
        "doctor",
        help="say what of a study's results is damaged, left behind, locked, stale or missing (1 if damaged)",
    )
    doctor.add_argument("results", type=path_argument, metavar="RESULTS", help="results/<study>, or results")
    doctor.add_argument(
        "--fix",
        action="store_true",
        help="remove what can be made again: outputs that dead processes left half-written, damaged outputs",
    )
    doctor.set_defaults(run=_doctor)

    clean = commands.add_parser("clean", help="show what of a study's results nobody needs, and its disk")
    clean.add_argument("results", type=path_argument, metavar="RESULTS", help="results/<study>, or results")
    clean.add_argument("--logs", action="store_true", help="logs of trainings the study has no longer, too")
    clean.add_argument(
        "--parts",
        action="store_true",
        help="gathered parts of large cohorts, too; more subjects or edited code would make them again",
    )
    clean.add_argument("--yes", action="store_true", help="remove it")
    clean.set_defaults(run=_clean)


def _doctor(options: argparse.Namespace) -> int:
    from synthaug.upkeep.doctor import examine, mend
    from synthaug.upkeep.study_results import find_studies

    damaged = 0
    for study in find_studies(options.results):
        findings = []
        for finding in examine(study):
            print(finding.line, flush=True)
            findings.append(finding)
        gone = set()
        for path, kept in mend(study, findings) if options.fix else ():
            print(f"kept: {path}: {kept}" if kept else f"removed: {path}")
            gone |= set() if kept else {path}
        if gone:
            print(
                f"{study.folder}: run snakemake again; it makes what was removed where something still needs it"
            )
        damaged += sum(
            finding.kind == "damaged" and not (finding.removes and gone.issuperset(finding.removes))
            for finding in findings
        )
        if not findings:
            print(f"{study.folder}: nothing found")
    return 1 if damaged else 0


def _clean(options: argparse.Namespace) -> int:
    from synthaug.upkeep.clean import clean, find_removals, said_size
    from synthaug.upkeep.study_results import find_studies

    found = [
        removal
        for study in find_studies(options.results)
        for removal in find_removals(study, options.logs, options.parts)
    ]
    # Before anything is said: a closed pipe must not end what was asked for.
    stayed = [removal for removal in found if not clean(removal)] if options.yes else []
    for removal in found:
        print(removal.line)
    for removal in stayed:
        print(f"kept: {removal.path}: cannot be removed")
    verb = "removed" if options.yes else "can go; --yes removes it"
    print(f"{options.results}: {said_size(sum(r.size for r in found) - sum(r.size for r in stayed))} {verb}")
    return 1 if stayed else 0
