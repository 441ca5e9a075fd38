"""Example cines: a random draw as players, still montages and volume-time curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthaug.core.artifacts import read_tsv
from synthaug.core.spreadsheets import write_table
from synthaug.data.cohort import Cohort
from synthaug.labels import STRUCTURES, UNLABELLED
from synthaug.metrics.volumes import volume_curve_ml
from synthaug.report.inputs import ReportInputs
from synthaug.report.plots import images, synthesis
from synthaug.report.rows import Draw
from synthaug.report.section import ReportData, Section

_MONTAGE_COLUMNS = 6


def draw_pairs(
    real: Cohort, synthetic: Cohort, count: int, generator: np.random.Generator
) -> list[tuple[str, str]]:
    """Draw real and synthetic subjects to show side by side.

    Parameters
    ----------
    real, synthetic : Cohort
        Cohorts to draw from; real subjects with labels are preferred.
    count : int
        Pairs wanted; fewer where a cohort is smaller.
    generator : numpy Generator
        Source of the draw.

    Returns
    -------
    list of (str, str)
        Real and synthetic subject, of the same diagnosis wherever there is one.
    """
    labelled = real.table["labelled_frames"].notna()
    candidates = real.table[labelled] if labelled.any() else real.table
    waiting = [candidates.index[i] for i in generator.permutation(len(candidates))]
    pairs: list[tuple[str, str]] = []
    shown: dict[str, int] = {}
    order = [synthetic.table.index[i] for i in generator.permutation(len(synthetic.table))]
    diagnoses = {
        subject: str(cohort.table.loc[subject, "diagnosis"])
        for cohort in (real, synthetic)
        for subject in cohort.subjects
    }
    while order and waiting and len(pairs) < count:
        # As many different diagnoses as there are, before one comes again.
        partner = min(order, key=lambda subject: shown.get(diagnoses[subject], 0))
        order.remove(partner)
        same = [subject for subject in waiting if diagnoses[subject] == diagnoses[partner]]
        chosen = same[0] if same else waiting[0]
        waiting.remove(chosen)
        shown[diagnoses[partner]] = shown.get(diagnoses[partner], 0) + 1
        pairs.append((chosen, partner))
    return pairs


def examples(data: ReportData) -> dict[str, Any]:
    """Players, montages and volume curves of each generator (its first cohort)."""
    runs, settings = data.inputs.synthetic, data.settings
    roles = _roles(data.inputs)
    generators: list[dict[str, Any]] = []
    volumes = []
    # The first run of each generator, in the order of the generators.
    for run in {run.generator: run for run in reversed(runs)}.values():
        synthetic = Cohort.open(run.cohort)
        if not synthetic.subjects:
            generators.append({"generator": run.generator, "reason": "no sample passed quality control"})
            continue
        random = np.random.default_rng(settings.seed)
        pairs = draw_pairs(data.real, synthetic, settings.cine_pairs, random)
        players = [
            {
                "real": _pane(data.real, one, settings.cine_slices, data.assets, roles.get(one, "")),
                "synthetic": _pane(synthetic, other, settings.cine_slices, data.assets, ""),
            }
            for one, other in pairs
        ]
        montage = f"montage-{run.generator}.png"
        (data.assets / montage).write_bytes(_montage(data.real, synthetic, random))
        curves = measure_curves(data.real, synthetic, settings.volume_curves, random)
        volumes.append(curves.assign(generator=run.generator))
        generators.append(
            {
                "generator": run.generator,
                "fold": run.fold,
                "seed": run.generator_seed,
                "subjects": len(synthetic.subjects),
                "players": players,
                "montage": {
                    "file": montage,
                    "alt": f"Middle slices at ED with mask contours: real above, {run.generator} below",
                },
                "curves": _curve_panels(curves, run.generator, data.draw),
                "reason": "",
            }
        )
    if volumes:
        table = pd.concat(volumes)
        write_table(data.assets / "volume-curves.tsv", table, "\t")
    generators.sort(key=lambda entry: [run.generator for run in runs].index(str(entry["generator"])))
    reason = "" if generators else "the study has no synthetic cohort"
    return {"reason": reason, "generators": generators, "seed": settings.seed}


def _roles(inputs: ReportInputs) -> dict[str, str]:
    """Role of each real subject in the first fold, for captions."""
    for path in inputs.splits.values():
        split = read_tsv(path, ("subject", "role"))
        return dict(zip(split["subject"], split["role"], strict=True))
    return {}


def measure_curves(
    real: Cohort, synthetic: Cohort, count: int, generator: np.random.Generator
) -> pd.DataFrame:
    """Volume-time curves of subjects drawn at random.

    Returns
    -------
    DataFrame
        Columns kind, subject, structure (LV, RV), cycle (fraction of the cardiac cycle, 0 at ED) and
        volume_ml, for labelled frames only; none of long-axis cines.
    """
    found = []
    for cohort in (real, synthetic):
        labelled = [subject for subject in cohort.subjects if cohort.labelled_frames(subject)]
        labelled = labelled if cohort.has_volumes else []
        for index in generator.permutation(len(labelled))[:count]:
            subject = labelled[index]
            labels = cohort.label_cine(subject)
            for structure in ("LV", "RV"):
                curve = volume_curve_ml(labels, structure, cohort.spacing_mm)
                found += [
                    {
                        "kind": cohort.kind,
                        "subject": subject,
                        "structure": structure,
                        "cycle": frame / len(curve),
                        "volume_ml": volume,
                    }
                    for frame, volume in enumerate(curve)
                    if np.isfinite(volume)
                ]
    return pd.DataFrame(found, columns=["kind", "subject", "structure", "cycle", "volume_ml"])


def _curve_panels(curves: pd.DataFrame, generator: str, draw: Draw) -> list[dict[str, str]]:
    panels = []
    for structure, own in curves.groupby("structure", sort=False):
        limits = (0.0, float(own["volume_ml"].max()) * 1.05 + 1.0)
        counts = own.drop_duplicates("subject")["kind"].value_counts()
        svg = synthesis.volume_curves(own, f"{structure} volume (mL)", limits)
        alt = f"{structure} volume over the cardiac cycle of " + " and ".join(
            f"{count} {kind} subjects" for kind, count in counts.items()
        )
        panels.append(draw(f"volumes-{generator}-{structure}", svg, f"{structure} volume", alt))
    return panels


def _pane(cohort: Cohort, subject: str, slices: int, assets: Path, role: str) -> dict[str, Any]:
    cine, labels = cohort.cine(subject), cohort.label_cine(subject)
    chosen = _spread_slices(labels, slices)
    picture, mask = f"cine-{subject}.png", f"mask-{subject}.png"
    (assets / picture).write_bytes(images.cine_sheet(cine[:, chosen]))
    (assets / mask).write_bytes(images.mask_sheet(labels[:, chosen]))
    row = cohort.table.loc[subject]
    return {
        "subject": subject,
        "diagnosis": None if pd.isna(row["diagnosis"]) else str(row["diagnosis"]),
        "vendor": None if pd.isna(row["vendor"]) else str(row["vendor"]),
        "role": role,
        "edv_ml": None if pd.isna(row["lv_edv_ml"]) else float(row["lv_edv_ml"]),
        "ef": None if pd.isna(row["lv_ef"]) else float(row["lv_ef"]),
        "image": picture,
        "mask": mask,
        "frames": cine.shape[0],
        "height": cine.shape[2],
        "width": cine.shape[3],
        "slices": [int(index) + 1 for index in chosen],
        "n_slices": cine.shape[1],
        "labelled": cohort.labelled_frames(subject),
    }


def _spread_slices(labels: np.ndarray, count: int) -> np.ndarray:
    """Slices from base to apex of the heart, or of the stack where nothing is labelled."""
    heart = np.isin(labels, list(STRUCTURES.values())).any(axis=(0, 2, 3))
    inside = np.flatnonzero(heart) if heart.any() else np.arange(labels.shape[1])
    # The outermost slices hold little heart: keep to the middle of `count` equal parts.
    places = (np.arange(count) + 0.5) / count * len(inside)
    return inside[np.unique(places.astype(int))]


def _montage(real: Cohort, synthetic: Cohort, generator: np.random.Generator) -> bytes:
    rows = []
    for cohort in (real, synthetic):
        labelled = [subject for subject in cohort.subjects if cohort.labelled_frames(subject)]
        subjects = labelled or cohort.subjects
        tiles = []
        for index in generator.permutation(len(subjects))[:_MONTAGE_COLUMNS]:
            cine, labels = cohort.cine(subjects[index]), cohort.label_cine(subjects[index])
            middle = int(_spread_slices(labels, 1)[0])
            mask = labels[0, middle]
            tiles.append((cine[0, middle], None if (mask == UNLABELLED).all() else mask))
        rows.append(tiles)
    return images.montage(rows)


SECTION = Section(title="Example cines", menu="Cines", order=80, content=examples)
