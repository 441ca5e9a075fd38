"""All chunks as one synthetic cohort, and what the quality gate made of them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.stats import binomtest

from synthaug.core.artifacts import atomic_folder, link_or_copy, read_tsv, write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_cohort
from synthaug.synthesis.gate import CHECKS, REASONS
from synthaug.tables import make_table

#: What the quality gate leaves in a cohort's folder besides the cohort.
RECORDS = ("attempts.tsv", "rejections.tsv")


def gather_chunks(chunks: Sequence[Path], requests: Cohort, output: Path, minimum_accepted: float) -> None:
    """Make one synthetic cohort of all chunks, in the order of the requests.

    Files are hard-linked where the file system allows, copied elsewhere. Besides the cohort's own
    files the folder has ``attempts.tsv`` (every sample drawn) and ``rejections.tsv`` (the rejected
    ones, each with its reasons in plain words and whether a later attempt replaced it).
    ``cohort.json`` carries the generator's identity, the numbers requested, attempted and accepted,
    and the acceptance rate (accepted / attempted).

    Parameters
    ----------
    chunks : sequence of Path
        Folders written by `synthesise_chunk`, all of one generator.
    requests : Cohort
        All requests.
    output : Path
        Cohort folder to write.
    minimum_accepted : float
        Fraction of the requests, above 0, that must have been accepted.

    Raises
    ------
    SynthaugError
        Chunks are missing or differ in their generator, or too few subjects were accepted; the
        message names the commonest reason and what to do.
    """
    cohorts = [Cohort.open(chunk) for chunk in chunks]
    identity = _common_identity(cohorts, chunks)
    attempts = pd.concat([read_attempts(chunk / "attempts.tsv") for chunk in chunks], ignore_index=True)
    place = {subject: number for number, subject in enumerate(requests.subjects)}
    unknown = set(place) ^ set(attempts["subject"])
    if unknown:
        raise SynthaugError(
            f"{output}: {min(unknown)} is not in both requests and chunks; synthesise the chunks again"
        )
    attempts = attempts.sort_values(
        ["subject", "attempt"], key=lambda c: c.map(place) if c.name == "subject" else c
    )
    name = cohorts[0].name
    check_acceptance(name, attempts, minimum_accepted)
    accepted = int(attempts["accepted"].sum())

    table = pd.concat([cohort.table for cohort in cohorts if cohort.subjects], ignore_index=True)
    table = table.sort_values("subject", key=lambda subjects: subjects.map(place))
    with atomic_folder(output) as folder:
        for cohort in cohorts:
            for source in cohort.folders.values():
                shutil.copytree(source, folder / source.name, copy_function=link_or_copy)
        write_cohort(
            folder,
            name,
            "synthetic",
            [{str(column): value for column, value in row.items()} for row in table.to_dict("records")],
            cohorts[0].spacing_mm,
            **identity,
            requested=len(place),
            attempted=len(attempts),
            accepted=accepted,
            acceptance_rate=accepted / len(attempts),
        )
        write_tsv(folder / "attempts.tsv", attempts)
        write_tsv(folder / "rejections.tsv", _rejections(attempts))


def read_attempts(path: str | Path) -> pd.DataFrame:
    """Read ``attempts.tsv``; the reasons of an accepted sample are the empty text."""
    attempts = read_tsv(path, ("subject", "reasons"))
    return attempts.assign(reasons=attempts["reasons"].fillna(""), accepted=attempts["accepted"].astype(bool))


def check_acceptance(name: str, attempts: pd.DataFrame, minimum_accepted: float) -> None:
    """Refuse a cohort of which quality control accepted too little.

    Parameters
    ----------
    name : str
        Name of the cohort.
    attempts : DataFrame
        From `read_attempts`; every request has at least one.
    minimum_accepted : float
        Fraction of the requests, above 0, that must have been accepted.

    Raises
    ------
    SynthaugError
        Too few subjects were accepted; the message names the commonest reason and what to do.
    """
    accepted, requested = int(attempts["accepted"].sum()), attempts["subject"].nunique()
    if accepted / requested >= minimum_accepted:  # a product of 0.55 and 100 is above 55
        return
    reason, count = next(iter(count_reasons(attempts).items()))
    remedy = "train the generator longer"
    if reason in CHECKS:
        remedy += f", or loosen synthesis.gate.{CHECKS[reason].threshold}"
    raise SynthaugError(
        f"{name}: {accepted} of {requested} subjects were accepted, {minimum_accepted:.0%} are needed; "
        f"{count} of {len(attempts)} samples: {REASONS[reason]} ({reason}); {remedy}"
    )


def acceptance_rows(attempts: pd.DataFrame, **fields: Any) -> pd.DataFrame:
    """Result rows of the quality gate.

    Parameters
    ----------
    attempts : DataFrame
        From `read_attempts`.
    **fields
        What the rows are about: generator, fold, generator_seed, ...

    Returns
    -------
    DataFrame
        In the schema of `synthaug.tables`: ``acceptance_rate`` (accepted samples / samples drawn,
        with a 95 % Wilson interval) and, for every reason that occurred, ``rejected_<reason>`` (how
        many samples it rejected, commonest first; a sample can have several reasons). The note of the
        rate says so where there were no masks to judge.
    """
    n, accepted = len(attempts), int(attempts["accepted"].sum())
    interval = binomtest(accepted, n).proportion_ci(0.95, method="wilson")
    # Every mask has a volume or a curve; an image that could not be looked at says nothing of masks.
    looked_at = attempts[attempts["intensity_span"].notna()]
    bare = len(looked_at) > 0 and looked_at.filter(["lv_ml", "ed_volume"]).isna().all(axis=None)
    rate = {
        "note": "no masks: judged by the image alone" if bare else "",
        "metric": "acceptance_rate",
        "definition": "acceptance.samples.wilson95.v1",
        "unit": "1",
        "direction": "higher",
        "value": accepted / n,
        "ci_low": interval.low,
        "ci_high": interval.high,
    }
    counts = [
        {
            "metric": f"rejected_{reason}",
            "definition": f"gate.{reason}.count.v1",
            "unit": "1",
            "direction": "lower",
            "value": count,
            "note": REASONS[reason],
        }
        for reason, count in count_reasons(attempts).items()
    ]
    return make_table({**row, "status": "ok", "n": n, **fields} for row in [rate, *counts])


def count_reasons(attempts: pd.DataFrame) -> dict[str, int]:
    """How many samples each reason rejected, commonest first, equals in the order of the checks."""
    named = [reason for reasons in attempts["reasons"] for reason in reasons.split(",") if reason]
    counts = {reason: named.count(reason) for reason in REASONS if reason in named}
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _rejections(attempts: pd.DataFrame) -> pd.DataFrame:
    rejected = attempts[~attempts["accepted"]]
    replaced = rejected["subject"].isin(attempts["subject"][attempts["accepted"]])
    words = rejected["reasons"].map(
        lambda reasons: "; ".join(REASONS[reason] for reason in reasons.split(","))
    )
    kept = rejected[["subject", "attempt", "seed", "reasons"]]
    return kept.assign(explanation=words, replaced=replaced)


def _common_identity(cohorts: Sequence[Cohort], chunks: Sequence[Path]) -> dict[str, Any]:
    identities = [cohort.identity for cohort in cohorts]
    if not identities:
        raise SynthaugError("no chunk to gather; synthesise at least one")
    for identity, chunk in zip(identities, chunks, strict=True):
        if identity != identities[0]:
            raise SynthaugError(f"{chunk}: made by another generator than {chunks[0]}; synthesise both again")
    return identities[0]
