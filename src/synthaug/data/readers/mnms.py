"""M&Ms: one csv of metadata; folders of cines with 4D labels of the same name.

Campello et al., IEEE TMI 40(12), 2021. Labels are 1 LV, 2 myocardium, 3 RV, in the ED and
ES frames only: all other frames of a label file are empty.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pandas as pd

from synthaug.config.data import RawDatasetSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.nifti import read_nifti
from synthaug.data.readers import base, metadata
from synthaug.data.readers.base import RawCine, RawSubject, Reader


class MnmsReader(Reader):
    """Reads M&Ms."""

    patterns = ("*.csv", "**/*_sa.nii.gz", "**/*_sa_gt.nii.gz")

    def find(self, root: Path) -> list[RawSubject]:
        """Subjects of the table, wherever under `root` their folders are; frames count from 0.

        Raises
        ------
        SynthaugError
            There is no table, or it lacks a column.
        """
        file, table = metadata.read_table(root, "*nformation*.csv", ("External code", "ED", "ES"))
        folders: dict[str, list[Path]] = {}
        for cine in sorted(root.glob("**/*_sa.nii.gz")):
            folders.setdefault(cine.name.removesuffix("_sa.nii.gz"), []).append(cine)
        subjects = []
        for _, row in table.iterrows():
            name = str(row["External code"])
            cines = folders.pop(name, [])
            if len(cines) > 1:
                raise SynthaugError(
                    f"{name}: {cines[0]}: the same id is also in {cines[1]}; remove one of them"
                )
            subjects.append(_subject(name, row, file, cines[0] if cines else None, self.settings))
        for name, cines in folders.items():
            subjects.append(
                base.unusable(
                    "unlisted", name, cines[0], f"{file.name} does not list it", "add its row to the table"
                )
            )
        return subjects


def _subject(
    name: str, row: pd.Series, table: Path, cine: Path | None, settings: RawDatasetSettings
) -> RawSubject:
    if cine is None:
        return base.unusable(
            "listed-only", name, table, "is listed but has no cine", f"add {name}/{name}_sa.nii.gz"
        )
    try:
        ed, es = (metadata.frame_index(row[key], first=0) for key in ("ED", "ES"))
    except ValueError as error:
        return base.unusable("frames-unread", name, table, str(error), "correct ED and ES")
    labels = cine.with_name(f"{name}_sa_gt.nii.gz")
    return RawSubject(
        id=name,
        files=(cine, table, *([labels] if labels.is_file() else [])),
        load=partial(_load, name, cine, labels, table, ed, es, settings),
        ed_frame=ed,
        es_frame=es,
        centre=metadata.text(row.get("Centre")),
        vendor=metadata.vendor_name(row.get("VendorName")) or metadata.text(row.get("Vendor")),
        diagnosis=metadata.diagnosis_code(row.get("Pathology")),
        sex=metadata.text(row.get("Sex")),
        age=metadata.number(row.get("Age")),
        height_cm=metadata.number(row.get("Height")),
        weight_kg=metadata.number(row.get("Weight")),
    )


def _load(
    name: str,
    path: Path,
    labels: Path,
    table: Path,
    ed: int | None,
    es: int | None,
    settings: RawDatasetSettings,
) -> RawCine:
    cine = base.read_cine(path, name)
    base.check_frames(name, table, cine.image.shape[3], ed, es)
    others = {}
    if labels.is_file():
        others[labels] = read_nifti(labels, name)
        volume = others[labels].array
        cine.labels = base.split_label_cine(volume, base.SAME_LABELS, labels, name, cine.image.shape)
    base.repair_spacing(cine, path, name, others, settings)
    return cine
