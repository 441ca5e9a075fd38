"""Simulated raw datasets: an anatomical cine phantom in the layouts of public datasets.

Newcomers and tests get data that behave like the real ones, down to the files, with one
difference: here the true volumes are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import as_completed
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from synthaug.config.phantom import PhantomSettings
from synthaug.core.artifacts import atomic_folder, write_tsv
from synthaug.core.forked_pool import forked_pool
from synthaug.labels import STRUCTURES
from synthaug.phantom import dicom_layouts, mnms2_writer, nifti_folder_writer, writers
from synthaug.phantom.left_ventricle import MYOCARDIAL_DENSITY_G_PER_ML, infarct_arc
from synthaug.phantom.long_axis import LongAxisScan, simulate_long_axis
from synthaug.phantom.population import HeartParameters, draw_parameters
from synthaug.phantom.scanner import SCANNERS, Scanner
from synthaug.phantom.simulation import Simulated, simulate

__all__ = [
    "SCANNERS",
    "HeartParameters",
    "LongAxisScan",
    "Scanner",
    "Simulated",
    "draw_parameters",
    "simulate",
    "simulate_long_axis",
    "write_phantom",
]

Layout = Literal["acdc", "mnms", "mnms2", "nifti", "dicom", "dsb", "sunnybrook", "ukb"]
#: Layouts of DICOM, whose trigger times count from the R wave: ED is frame 0.
_TRIGGERED = ("dicom", "dsb", "sunnybrook", "ukb")
_GOLDEN = (5**0.5 - 1) / 2


def write_phantom(
    root: str | Path,
    layout: Layout,
    settings: PhantomSettings,
    processes: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a simulated raw dataset, whole or not at all.

    Beside the layout's own files `ground_truth.tsv` has a row a subject: the parameters it was
    drawn with (`asked_...`), where an infarct lies (`infarct_...`, as `infarct_arc` says), the true volumes from the anatomy (`true_...`), and what the labels
    measure (`label_...`), which differs by what 10 mm slices cannot resolve.

    Parameters
    ----------
    root : path
        Folder of the dataset; replaced where it exists.
    layout : {"acdc", "mnms", "mnms2", "nifti", "dicom", "dsb", "sunnybrook", "ukb"}
        File names, metadata files and label numbers. Short axes; `mnms2` has the four-chamber view beside them, of which
        `ground_truth.tsv` says nothing.
    settings : PhantomSettings
        Subjects, vendors, diagnoses, seed. With `every_vendor`, which layout `nifti` has, a subject is as many sessions as there
        are vendors, and each is a row.
    processes : int
        Subjects simulated at a time; the files do not depend on it.
    progress : callable, optional
        Called with the number of scans done and their total.
    """
    rows: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}
    with atomic_folder(root) as folder:
        write = partial(_write_subject, folder, layout, settings)
        for index, row in _each(write, settings.scans, processes):
            rows[index] = row
            if progress is not None:
                progress(len(rows), settings.scans)
        ordered = [rows[index] for index in range(settings.scans)]
        _write_table(folder, layout, [entry for entry, _ in ordered])
        write_tsv(folder / "ground_truth.tsv", pd.DataFrame([truth for _, truth in ordered]), checksum=False)


def _each(write: Callable[[int], Any], count: int, processes: int) -> Iterator[tuple[int, Any]]:
    """Results of `write` for 0 to `count` - 1, as they come."""
    if processes == 1:
        yield from ((index, write(index)) for index in range(count))
        return
    with forked_pool(processes) as pool:
        futures = {pool.submit(write, index): index for index in range(count)}
        yield from ((futures[future], future.result()) for future in as_completed(futures))


def _write_subject(
    root: Path, layout: str, settings: PhantomSettings, index: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Simulate and write one scan; its entry in the dataset's table and in the ground truth."""
    visit, vendor = 0, settings.vendors[(index // len(settings.diagnoses)) % len(settings.vendors)]
    if settings.every_vendor:
        index, visit = divmod(index, len(settings.vendors))
        vendor = settings.vendors[visit]
    diagnosis = settings.diagnoses[index % len(settings.diagnoses)]
    # Spread evenly over the subjects and out of step with diagnoses and vendors.
    labelled = (index + 0.5) * _GOLDEN % 1 >= settings.unlabelled
    for_person, for_scan, for_files = np.random.SeedSequence(settings.seed, spawn_key=(index,)).spawn(3)
    person = draw_parameters(diagnosis, np.random.default_rng(for_person))
    scanner = SCANNERS[vendor]
    scan = simulate(person, scanner, for_scan, visit)
    files = np.random.default_rng(for_files)
    row: dict[str, Any] = {}
    if layout == "acdc":
        subject = writers.acdc_id(index)
        writers.write_acdc_subject(root, subject, scan, person, scanner, labelled)
    elif layout == "mnms":
        subject = writers.mnms_id(index)
        writers.write_mnms_subject(root, subject, scan, scanner, labelled, files)
        row = writers.mnms_row(subject, scan, person, vendor)
    elif layout == "mnms2":
        subject = mnms2_writer.mnms2_id(index)
        along = simulate_long_axis(person, scanner, for_scan)
        mnms2_writer.write_mnms2_subject(root, subject, scan, along, scanner, labelled, files)
        row = mnms2_writer.mnms2_row(index, person, scanner, vendor)
    elif layout == "nifti":
        subject = mnms2_writer.mnms2_id(index)
        session = vendor if settings.every_vendor else None
        nifti_folder_writer.write_nifti_subject(root, subject, scan, scanner, labelled, files, session)
        row = nifti_folder_writer.nifti_row(subject, scan, person, vendor, session)
        subject = f"{subject}-{session}" if session else subject
    else:
        subject, row = _write_dicom(root, layout, index, scan, person, vendor, labelled, files)
        labelled = labelled and layout == "sunnybrook"  # the others have no labels at all
    truth = {"subject": subject, "vendor": vendor, "labelled": labelled, **_truth(scan, person)}
    if layout in _TRIGGERED:
        truth |= {"ed_frame": 0, "es_frame": (scan.es_frame - scan.ed_frame) % len(scan.cine)}
    return row, truth


def _write_dicom(
    root: Path,
    layout: str,
    index: int,
    scan: Simulated,
    person: HeartParameters,
    vendor: str,
    labelled: bool,
    rng: np.random.Generator,
) -> tuple[str, dict[str, Any]]:
    """Write a subject as DICOM; its id and its entry in the dataset's table."""
    affine = writers.short_axis_affine(scan, rng)
    ids = {
        "dicom": dicom_layouts.dicom_id,
        "dsb": dicom_layouts.dsb_id,
        "sunnybrook": dicom_layouts.sunnybrook_id,
        "ukb": dicom_layouts.ukb_id,
    }
    subject = ids[layout](index)
    cine = dicom_layouts.dicom_cine(scan, affine, SCANNERS[vendor], subject, person, vendor)
    if layout == "dicom":
        dicom_layouts.write_dicom_subject(root, subject, cine, rng)
        return subject, dicom_layouts.dicom_row(subject, scan, person)
    if layout == "dsb":
        dicom_layouts.write_dsb_subject(root, subject, cine, rng)
        return subject, dicom_layouts.dsb_row(subject, scan)
    if layout == "ukb":
        dicom_layouts.write_ukb_subject(root, subject, cine, rng)
        return subject, {}
    original = dicom_layouts.sunnybrook_original(index, person.diagnosis)
    labels = {frame: scan.labels[frame] for frame in (scan.ed_frame, scan.es_frame) if labelled}
    dicom_layouts.write_sunnybrook_subject(root, subject, original, cine, labels, scan.ed_frame, rng)
    return subject, dicom_layouts.sunnybrook_row(subject, original, person)


def _write_table(root: Path, layout: str, rows: list[dict[str, Any]]) -> None:
    """Write the dataset's own table, where the layout has one."""
    if layout == "mnms":
        writers.write_mnms_table(root, rows)
    elif layout == "mnms2":
        mnms2_writer.write_mnms2_table(root, rows)
    elif layout in ("dicom", "nifti"):
        write_tsv(root / "subjects.tsv", pd.DataFrame(rows), checksum=False)
    elif layout == "dsb":
        dicom_layouts.write_dsb_table(root, rows)
    elif layout == "sunnybrook":
        dicom_layouts.write_sunnybrook_table(root, rows)


def _truth(scan: Simulated, person: HeartParameters) -> dict[str, Any]:
    """Everything that is known about a simulated subject, rounded to what a reader needs."""
    phases = {"edv": scan.ed_frame, "esv": scan.es_frame}
    measured: dict[str, Any] = {
        "n_frames": len(scan.cine),
        "n_slices": scan.cine.shape[1],
        "frame_duration_s": scan.frame_duration_s,
        "spacing_mm": "x".join(f"{size:g}" for size in scan.spacing_mm),
        "ed_frame": scan.ed_frame,
        "es_frame": scan.es_frame,
    }
    for phase, frame in phases.items():
        for name in ("LV", "RV"):
            measured[f"true_{name.lower()}_{phase}_ml"] = scan.volumes_ml[name][frame]
            measured[f"label_{name.lower()}_{phase}_ml"] = scan.label_volume_ml(STRUCTURES[name], frame)
    density = MYOCARDIAL_DENSITY_G_PER_ML
    measured["true_myo_mass_g"] = density * scan.volumes_ml["MYO"][scan.ed_frame]
    measured["label_myo_mass_g"] = density * scan.label_volume_ml(STRUCTURES["MYO"], scan.ed_frame)
    requested = {
        key if isinstance(value, str) else f"asked_{key}": value for key, value in asdict(person).items()
    }
    return {
        key: round(value, 4) if isinstance(value, float) else value
        for key, value in {**requested, **infarct_arc(person), **measured}.items()
    }
