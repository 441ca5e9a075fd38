"""A made-up study: small beating cohorts, invented result rows, everything a report is made from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from edited_tables import write_table
from made_predictions import moved, without_rv, write_predictions

from synthaug.config.arms import VERDICT_CONTROLS, ArmSettings, resolve_arms
from synthaug.core.artifacts import read_json, read_tsv, write_json, write_tsv
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.metric_registry import find_metric
from synthaug.metrics.volumes import measure_function
from synthaug.report.inputs import FeatureMap, PredictionRun, ReportInputs, SyntheticRun, TrainingRun
from synthaug.tables import make_table
from synthaug.tables.collate import collate

SPACING_MM = (10.0, 2.0, 2.0)
HOSTILE = "<script>alert(1)</script>"
DIAGNOSES = ("NOR", "DCM", "HCM")
CROWDED_NOTE = "n is half of 27 real subjects, so that the reference has as many; 32 are synthetic"
TOO_MANY = "648 values; crossed random effects are fitted up to 600"


def beating_heart(seed: int, frames: int = 8, size: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """A ring that contracts once: cine (t, z, y, x) in [0, 1] and its masks."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] - size / 2 + random.uniform(-2, 2)
    size_factor, ejection = random.uniform(0.8, 1.15), random.uniform(0.25, 0.4)
    cine = np.zeros((frames, 5, size, size), np.float32)
    labels = np.zeros(cine.shape, np.uint8)
    for t in range(frames):
        for z in range(5):
            cavity = (9 - z) * size_factor * (1 - ejection * np.sin(np.pi * t / frames) ** 2)
            distance = np.hypot(y, x)
            right = (np.hypot(y, x + 13) < cavity) & (distance > cavity + 4)
            labels[t, z] = np.select([distance < cavity, distance < cavity + 4, right], [1, 2, 3])
            grey = np.array([0.3, 0.9, 0.35, 0.8])[labels[t, z]]
            cine[t, z] = np.clip(grey + 0.04 * random.standard_normal(grey.shape), 0, 1)
    return cine, labels


def write_made_up_cohort(folder: Path, name: str, kind: str, count: int, seed: int, **meta: Any) -> list[str]:
    """Write a cohort of beating rings; real ones have labels at ED and ES only."""
    rows: list[dict[str, Any]] = []
    for number in range(count):
        subject = f"{name}-{number:03d}" if kind == "real" else f"{name}-s{seed}-{number:04d}"
        cine, labels = beating_heart(seed * 1000 + number)
        es_frame = len(cine) // 2
        annotated = range(len(cine)) if kind == "synthetic" else (0, es_frame)
        write_subject(folder / f"sub-{subject}", cine, {t: labels[t] for t in annotated}, SPACING_MM)
        function = measure_function(labels, SPACING_MM, 0, es_frame)
        row = {
            "subject": subject,
            "dataset": name,
            "vendor": "AB"[number % 2],
            "diagnosis": DIAGNOSES[number % 3],
            "ed_frame": 0,
            "es_frame": es_frame,
            "labelled_frames": ",".join(map(str, annotated)),
            "n_frames": len(cine),
            "n_slices": cine.shape[1],
            **function,
        }
        if kind == "synthetic":
            row |= {f"requested_{key}": function[key] * 1.05 for key in ("lv_edv_ml", "lv_esv_ml")}
        rows.append(row)
    write_cohort(folder, name, kind, rows, SPACING_MM, **meta)
    return [row["subject"] for row in rows]


def made_up_rows(subjects: list[str], gain: float, more_arms: Sequence[str] = ()) -> pd.DataFrame:
    """Invented result rows of arms real, mixed-50 and mixed-100 with their controls.

    `gain` is the paired Dice difference of ``mixed-100`` against both of its controls; of `more_arms` only
    means and single patients are made up.
    """
    random = np.random.default_rng(1)
    rows: list[dict[str, Any]] = []
    common = {"definition": "made-up.v1", "status": "ok"}
    who = {
        subject: {"subject": subject, "vendor": "AB"[number % 2], "diagnosis": DIAGNOSES[number % 3]}
        for number, subject in enumerate(subjects)
    }
    levels = {"real": 0.0, "mixed-100": gain, "mixed-50": 0.002, "synthetic-only": -0.1}
    levels |= {f"{arm}-{c}": 0.0 for arm in ("mixed-100", "mixed-50") for c in VERDICT_CONTROLS}
    levels |= {arm: 0.001 * number for number, arm in enumerate(more_arms)}
    for arm, level in levels.items():
        for structure, base in {"LV": 0.91, "MYO": 0.82, "RV": 0.85}.items():
            for phase, drop in {"ED": 0.0, "ES": -0.03}.items():
                about = {**common, "arm": arm, "structure": structure, "phase": phase}
                mean = base + drop + level
                half = random.uniform(0.008, 0.02)
                dice = {**about, "unit": "1", "direction": "higher"}
                interval = {"ci_low": mean - half, "ci_high": mean + half, "n": len(subjects)}
                rows.append({**dice, "metric": "dice_mean", "value": mean, **interval})
                distance = {**about, "metric": "hd95_mean", "unit": "mm", "direction": "lower", "value": 6.5}
                rows.append({**distance, "ci_low": 5.0, "ci_high": 8.1, "n": len(subjects)})
                for seed in (0, 1):
                    for subject in subjects:
                        value = float(np.clip(mean + 0.02 * random.standard_normal(), 0, 1))
                        run = {**who[subject], "training_seed": seed, "fold": 0}
                        rows.append({**dice, "metric": "dice", "value": value, **run})
                if arm == "real":
                    rows += _more_scores(about, who)
        for metric, unit in {"edv_error_ml": "mL", "ef_error": "%"}.items():
            for subject in subjects:
                about = {**common, "arm": arm, "structure": "LV", "unit": unit, "direction": "none"}
                error = {"metric": metric, "value": 6 * random.standard_normal(), **who[subject]}
                rows.append({**about, **error, "training_seed": 0, "fold": 0})
    for arm, difference in {"mixed-100": gain, "mixed-50": 0.002}.items():
        for versus in (*(f"{arm}-{control}" for control in VERDICT_CONTROLS), "real"):
            for structure in (None, "LV", "MYO", "RV"):
                about = {
                    **common,
                    "arm": arm,
                    "versus": versus,
                    "structure": structure,
                    "direction": "higher",
                }
                found = {"value": difference, "ci_low": difference - 0.006, "ci_high": difference + 0.006}
                p_values = {"p_value": 0.012, "p_equivalence": 0.3, "n": len(subjects)}
                if structure is None:
                    p_values |= {"p_adjusted": 0.048}
                plan = {"detectable": 0.0142, "patients_needed": 64, "effect_size": 0.7}
                row = {**about, "metric": "dice_difference", "unit": "1", **found, **p_values, **plan}
                rows += [row, {**row, "p_adjusted": None, "vendor": "A"}]
    for arm, rank, first in (("mixed-100", 1.2, 0.83), ("mixed-50", 1.8, 0.17)):
        about = {**common, "arm": arm, "note": "exploratory", "unit": "1"}
        rows.append({**about, "metric": "dice_rank", "value": rank, "ci_low": 1, "ci_high": 2})
        rows.append({**about, "metric": "dice_first", "value": first})
        mixed = {"versus": f"{arm}-repeated", "value": 0.0117, "ci_low": 0.002, "ci_high": 0.021}
        mixed |= {"p_value": 0.02}
        rows.append({**about, "metric": "dice_mixed", **mixed})
    rows.append({**common, "metric": "dice_rank_tau", "value": 0.66, "note": "exploratory"})
    dose = {**common, "arm": "mixed-100", "generator": "cascade", "note": "exploratory"}
    rows.append({**dose, "metric": "dice_slope", "value": 0.0123, "p_value": 0.031})
    rows.append({**dose, "metric": "dice_trend", "value": 1, "p_value": 0.027})
    # A structure in neither mask has no Dice; a failed arm has none either; a missed one scores 0.
    lost = {**common, "metric": "dice", "direction": "higher", "fold": 0, "phase": "ES"}
    lost |= {"arm": "real", "training_seed": 2}
    rows.append({**lost, "subject": subjects[0], "structure": "RV", "status": "empty_both"})
    missed = {**lost, "subject": subjects[1], "structure": "RV", "status": "missing_prediction", "value": 0.0}
    rows.append(missed)
    rows.append({**lost, "subject": subjects[0], "structure": "LV", "status": "failed", "note": HOSTILE})
    for versus in ("real_train", "real_test"):
        for metric, value, floor in (("fvd_t", 41.0, 18.0), ("f4d", 60.2, 31.0), ("kid", 0.021, 0.002)):
            about = {**common, "generator": "cascade", "versus": versus, "direction": "lower", "n": 12}
            about |= {"extractor": "masked-autoencoder:1a2b3c", "fold": 0, "generator_seed": 0}
            found = {"value": value, "ci_low": value * 0.8, "ci_high": value * 1.3, "floor": floor}
            rows.append({**about, "metric": metric, **found, "floor_sd": floor * 0.15})
            rows.append({**about, "metric": f"{metric}_ratio", "value": value / floor})
        two = {**common, "generator": "cascade", "other_generator": "copies", "versus": versus, "n": 24}
        found = {"value": 0.5, "ci_low": 0.25, "ci_high": 0.75}
        rows.append({**two, "metric": "fvd_t_quotient", "fold": 0, "generator_seed": 0, **found})
        absent = {
            "metric": "fid",
            "definition": "fid.v1",
            "status": "extractor_absent",
            "generator": "cascade",
        }
        rows.append({**absent, "versus": versus, "note": "extractor inception absent: no weights given"})
    for probe, response in (("noise 0.1", 7.31), ("frames shuffled", 0.4)):
        about = {"versus": probe, "direction": "none", "extractor": "masked-autoencoder:1a2b3c", "fold": 0}
        rows.append({**common, **about, "metric": "fvd_t_response", "value": response, "n": 6})
    against = {"generator": "cascade", "fold": 0, "generator_seed": 0, "n": 9, "direction": "lower"}
    for versus, value, floor in (("frames shuffled", 0.75, 0.5), ("blur 1 voxel", 1.5, 0.25)):
        found = {"value": value, "ci_low": value - 0.1, "ci_high": value + 0.1, "floor": floor}
        rows.append({**common, **against, "metric": "fvd_t_control", "versus": versus, **found})
    control = {**common, "generator": "cascade", "fold": 0, "generator_seed": 0, "n": 12}
    rows.append({**control, "metric": "controllability_r_lv_edv_ml", "value": 0.93, "direction": "higher"})
    rows.append({**control, "metric": "controllability_bias_lv_edv_ml", "value": -3.1, "unit": "mL"})
    for metric, value in (("dice", 0.873), ("dice_real", 0.921), ("hd95", 8.4), ("hd95_real", 5.2)):
        own = {"metric": f"mask_agreement_{metric}", "structure": "LV", "phase": "ED", "versus": "segmenter"}
        rows.append({**control, **own, "value": value})
    asked = {"metric": "requested_mask_dice", "structure": "LV", "phase": "ED", "versus": "segmenter"}
    rows.append({**control, **asked, "value": 0.713, "note": "2 of 14 subjects were made without masks"})
    for metric, value in (("contrast_ssim", 0.645), ("contrast_ssim_other", 0.234)):
        rows.append({**control, "metric": metric, "versus": "vendor A, B", "value": value})
    for contrast, value in (("A", 3.5), ("B", 9.25)):
        of = {**control, "versus": "real train", "extractor": "masked-autoencoder:1a2b3c", "target": contrast}
        rows.append({**of, "metric": "contrast_fid", "value": value, "floor": 2.5, "direction": "lower"})
        rows.append({**of, "metric": "contrast_fid_ratio", "value": value / 2.5})
    every = {"metric": "mask_agreement_dice", "structure": "LV", "versus": "segmenter"}
    rows.append({**control, **every, "value": 0.866})
    for diagnosis, value, patients in (("DCM", 0.951, 7), ("HCM", 0.412, 0)):
        seen = {"note": f"labelled training patients of this diagnosis: {patients}", "diagnosis": diagnosis}
        rows.append({**control, **every, **seen, "value": value, "n": 6})
    copied = {**control, "note": "a copy is a subject whose similarity exceeds 0.800"}
    rows.append({**copied, "metric": "copied_share", "value": 0.25, "ci_low": 0.1, "ci_high": 0.5, "n": 8})
    rate = {**control, "ci_low": 0.6, "ci_high": 0.96, "n": 15}
    rows.append({**rate, "metric": "acceptance_rate", "value": 0.8, "direction": "higher"})
    rows.append({**rate, "metric": "rejected_lv_absent", "value": 3, "note": "a frame has no LV cavity"})
    rows.append({**control, "metric": "dice_surprise", "value": 1.25})
    return make_table(rows)


def _more_scores(about: dict[str, Any], who: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """HD95 of 5, 5.5, 6, ... mm by patient, scores on the study's grid, and a ceiling of 0.985."""
    scores: dict[str, Any] = {
        "hd95": lambda number: 5 + number / 2,
        "dice_grid": lambda number: 0.875,
        "hd95_grid": lambda number: 6.25,
        "dice_ceiling": lambda number: 0.985,
    }
    return [
        {**about, "metric": metric, "value": score(number), **patient, "training_seed": 0, "fold": 0}
        for metric, score in scores.items()
        for number, patient in enumerate(who.values())
    ]


def defined(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the definition and unit that their metric has: their values only are made up."""
    known = {metric: find_metric(metric) for metric in rows["metric"].unique()}
    columns = {
        key: rows["metric"].map({metric: getattr(found, field) for metric, found in known.items() if found})
        for key, field in {"definition": "definition", "unit": "unit"}.items()
    }
    return rows.assign(**columns)


def make_study(
    root: Path,
    gain: float = 0.012,
    rows: pd.DataFrame | None = None,
    cohort_size: int = 8,
    seen: list[str] | None = None,
) -> ReportInputs:
    """Write everything a report is made from under `root`.

    Parameters
    ----------
    root : Path
        Folder to write into.
    gain : float
        Dice difference of ``mixed-100`` against its controls; its interval is ± 0.006.
    rows : DataFrame, optional
        Result rows; `made_up_rows` of the cohort where none are given.
    cohort_size : int
        Subjects of each cohort.
    seen : list of str, optional
        Real subjects that the generator says it was trained on.
    """
    real, fake = root / "cohorts" / "acdc", root / "synthetic" / "cascade" / "cohort"
    subjects = write_made_up_cohort(real, "acdc", "real", cohort_size, seed=0)
    synthetic = write_made_up_cohort(
        fake, "cascade", "synthetic", cohort_size, seed=1, **({} if seen is None else {"seen": seen})
    )
    quarantine = {"subject": "patient999", "code": "voxel-size-lost", "file": "patient999_4d.nii.gz"}
    quarantine |= {"problem": "spacing lost"}
    write_tsv(real / "quarantine.tsv", pd.DataFrame([{**quarantine, "remedy": "declare spacing_mm"}]))
    findings = [
        {
            "subject": subjects[0],
            "code": "reader",
            "problem": f"diagnosis {HOSTILE} & unknown",
            "remedy": "kept",
        }
    ]
    write_tsv(real / "findings.tsv", pd.DataFrame(findings))
    roles = ["train", "validation", "test", "test"]
    split = pd.DataFrame(
        {
            "subject": subjects,
            "patient": subjects,
            "dataset": "acdc",
            "vendor": ["AB"[number % 2] for number in range(cohort_size)],
            "diagnosis": "NOR",
            "labelled": True,
            "role": [roles[number % 4] for number in range(cohort_size)],
        }
    )
    write_tsv(root / "fold-0.tsv", split)
    refused = {"subject": synthetic[0], "attempt": 1, "seed": 7, "reasons": "lv_absent"}
    rejections = pd.DataFrame([{**refused, "explanation": "a frame has no LV cavity", "replaced": True}])
    write_tsv(root / "rejections.tsv", rejections)
    pair = {"subject": synthetic[1], "training_subject": subjects[0], "similarity": 0.83, "copy": True}
    write_tsv(root / "pairs.tsv", pd.DataFrame([pair]))
    points = pd.DataFrame(
        {"kind": "temporal", "set": "real", "subject": subjects, "x": 0.5, "y": range(len(subjects))}
    )
    write_tsv(root / "map.tsv", points)

    trainings = root / "trainings"
    for name in ("autoencoder", "real"):
        record = {"kind": name, "iterations": 200, "seconds": 93.2, "parameters": 123456, "device": "cpu"}
        write_json(trainings / name / "training.json", record)
        steps = np.arange(10, 201, 10)
        history = pd.DataFrame({"iteration": steps, "loss": 1 / steps, "validation_loss": 1.2 / steps})
        history.to_csv(trainings / name / "history.csv", index=False)

    if rows is None:
        rows = made_up_rows(subjects, gain)
    write_tsv(root / "rows" / "all.tsv", defined(rows))
    provenance = {"git": {"commit": "0123abc", "dirty": False}, "packages": {"torch": "2.10"}}
    collate([root / "rows" / "all.tsv"], root / "tables" / "v001", provenance)
    arms = {
        "real": ArmSettings(),
        "mixed-50": ArmSettings(generator="cascade", dose=0.5),
        "mixed-100": ArmSettings(generator="cascade", dose=1.0),
        "synthetic-only": ArmSettings(real=False, generator="cascade", dose=1.0),
    }

    def training(name: str) -> TrainingRun:
        folder = trainings / name
        return TrainingRun(name, 0, 0, folder / "training.json", folder / "history.csv")

    declared = list(resolve_arms(arms).values())
    cohort = Cohort.open(real)
    predicted = {
        control: write_predictions(
            root / "predictions" / str(control), cohort, without_rv if control else moved
        )
        for control in (False, True)
    }
    return ReportInputs(
        tables=root / "tables" / "v001",
        study={
            "name": "made-up",
            "title": f"A made-up study {HOSTILE}",
            "datasets": {"acdc": {"layout": "acdc"}},
            "tasks": {"segmentation": {"kind": "segmentation", "configuration": "2d", "iterations": 1000}},
        },
        arms=declared,
        cohorts={"acdc": real},
        splits={0: root / "fold-0.tsv"},
        synthetic=[SyntheticRun("cascade", 0, 0, fake, root / "rejections.tsv", pairs=root / "pairs.tsv")],
        maps=[FeatureMap("study", "cascade", 0, 0, root / "map.tsv")],
        models=[training("autoencoder")],
        segmenters=[training("real")],
        predictions=[
            PredictionRun(arm.name, 0, 0, seed, predicted[bool(arm.control)])
            for arm in declared
            for seed in (0, 1)
        ],
    )


def recovery_rows() -> pd.DataFrame:
    """A network as good as the random forest on real patients, and a generator that shows what was requested."""
    about = {"status": "ok", "ci_low": 0.5, "ci_high": 0.9}
    rows: list[dict[str, Any]] = [
        {**about, "metric": metric, "definition": "v1", "task": task, "arm": "real", "value": 0.8, "n": 8}
        for metric in ("balanced_accuracy", "auc")
        for task in ("diagnosis", "diagnosis-forest")
    ]
    run = {**about, "generator": "cascade", "fold": 0, "generator_seed": 0, "definition": "v1"}
    for metric in ("diagnosis_recovery", "diagnosis_recovery_forest", "ef_category_recovery"):
        for part in ("", "_balanced"):
            rows.append({**run, "metric": metric + part, "value": 0.75, "n": 12})
            rows.append({**run, "metric": f"{metric}{part}_real", "value": 0.8, "n": 8})
            rows.append({**run, "metric": f"{metric}{part}_chance", "value": 0.25, "n": 12})
    return make_table(rows)


def make_clean_study(root: Path) -> ReportInputs:
    """The same study without a problem: no flag may be raised on it."""
    plain = make_study(root / "plain")
    rows = made_up_rows(list(Cohort.open(plain.cohorts["acdc"]).subjects), 0.012)
    rows = rows[rows["status"] != "extractor_absent"]
    rows.loc[rows["metric"] == "copied_share", "value"] = 0.0
    failures = {"arm": "real", "structure": "RV", "status": "ok", "value": 0.0, "n": 8}
    rates = make_table(
        {**failures, "metric": metric, "definition": "v1"} for metric in ("dice_poor", "dice_missed")
    )
    rows = pd.concat([rows, rates, recovery_rows()], ignore_index=True)
    inputs = make_study(root / "clean", rows=rows)
    forest = {"kind": "classification", "method": "random_forest", "classes": {}}
    tasks = {"diagnosis": {**forest, "method": "fine_tuning"}, "diagnosis-forest": forest}
    inputs = dataclasses.replace(inputs, study={**inputs.study, "tasks": {**inputs.study["tasks"], **tasks}})
    (inputs.cohorts["acdc"] / "quarantine.tsv").unlink()
    table = read_tsv(inputs.cohorts["acdc"] / "subjects.tsv")
    placed = {"window_offset_mm": 6.0, "window_margin_mm": 11.0, "outside_window": 0.0}
    write_table(inputs.cohorts["acdc"], table.assign(**placed))
    split = read_tsv(inputs.splits[0])
    write_tsv(inputs.splits[0], split.assign(vendor="A"))
    (first,) = inputs.synthetic
    runs = [dataclasses.replace(first, generator_seed=seed) for seed in range(3)]
    return dataclasses.replace(inputs, synthetic=runs)


def make_crowded_study(root: Path) -> ReportInputs:
    """The same study with all that has broken a page: two generators at three doses, every role of a split,
    long names, one note on many rows, a nested configuration, an assessed model, many small differences."""
    second = "single_pass_diffusion_transformer"
    settings = {
        f"{generator.split('_')[0]}-{dose:g}": ArmSettings(generator=generator, dose=dose)
        for generator in ("cascade", second)
        for dose in (0.25, 0.5, 1.0)
    }
    # The second as a cohort from elsewhere, which has controls of its own.
    declared = resolve_arms({"real": ArmSettings(), **settings}, brought=[second])
    more = [arm for arm in declared.values() if arm.name != "real"]
    plain = make_study(root / "plain")
    subjects = list(Cohort.open(plain.cohorts["acdc"]).subjects)
    rows = made_up_rows(subjects, 0.012, [arm.name for arm in more])
    noted = rows["metric"].isin(["fvd_t", "f4d", "kid", "fvd_t_ratio", "f4d_ratio", "kid_ratio"])
    rows.loc[noted, "note"] = CROWDED_NOTE
    rows.loc[rows["metric"] == "dice_mixed", ["value", "status", "note"]] = [None, "not_measured", TOO_MANY]
    # Ends that matplotlib would label from -0.100 to 0.050 in steps of 0.025.
    small = rows["metric"] == "dice_difference"
    rows.loc[small, "ci_low"], rows.loc[small, "ci_high"] = -0.105, 0.056
    rows.loc[rows["metric"] == "fvd_t_response", "value"] = [-0.04, 1.96]
    inputs = make_study(root / "crowded", rows=rows)
    split = read_tsv(inputs.splits[0])
    split["role"] = ["train", "validation", "test", "test_within", "unused", "test", "train", "test_within"]
    split["vendor"] = [f"a vendor with a long name {number % 3}" for number in range(len(split))]
    write_tsv(inputs.splits[0], split)
    record = {**read_json(inputs.models[0].record), "seen": subjects[:3], "real_exposure": 0.8125}
    figures = {"psnr": 23.1, "ssim": 0.81, "dice_lv": 0.91, "dice_myo": 0.84, "dice_rv": 0.87}
    write_json(inputs.models[0].record, {**record, "figures": figures})
    nested = {"models": {"autoencoder": {"kind": "frame_autoencoder", "channels": [16, 32, 64]}}}
    datasets = {"acdc": {"layout": "acdc", "vendors": ["A", "B"], "diagnoses": list(DIAGNOSES)}}
    study = {**inputs.study, "datasets": datasets, "stages": [nested, nested]}
    return dataclasses.replace(inputs, study=study, arms=[*inputs.arms, *more])
