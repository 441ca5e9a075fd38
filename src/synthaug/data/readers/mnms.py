"""M&Ms: one csv of metadata; folders of cines with 4D labels of the same name.

Campello et al., IEEE TMI 40(12), 2021. Labels are 1 LV, 2 myocardium, 3 RV, in the ED and
ES frames only: all other frames of a label file are empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from synthaug.config.data import RawDatasetSettings
from synthaug.data.nifti import read_nifti
from synthaug.data.readers import base, metadata
from synthaug.data.readers.base import RawCine, RawSubject, Reader
from synthaug.data.readers.folders import image_stem, scan
from synthaug.data.readers.label_grid import on_cine_grid


class MnmsReader(Reader):
    """Reads M&Ms."""

    patterns = (
        "*.csv",
        "*.tsv",
        *(f"**/*{end}.nii{zip}" for end in ("_sa", "_sa_gt") for zip in (".gz", "")),
    )

    def find(self, root: Path) -> list[RawSubject]:
        """Subjects of the table, wherever under `root` their folders are; frames count from 0.

        Raises
        ------
        SynthaugError
            There is no table, or it lacks a column.
        """
        found = scan(root)
        file, table = metadata.read_table(found, "*nformation*.csv", ("External code", "ED", "ES"))
        images: dict[str, list[Path]] = {}
        for image in found.files:
            if (stem := image_stem(image)) and stem.endswith(("_sa", "_sa_gt")):
                images.setdefault(stem, []).append(image)
        listed, subjects = base.rows_by_id(table, "External code", file)
        for refused in subjects:
            images.pop(f"{refused.id}_sa", None)
        for name, row in listed.items():
            cines = images.pop(f"{name}_sa", [])
            if len(cines) > 1:
                subjects.append(base.twice(name, cines))
                continue
            if not cines:
                subjects.append(
                    base.unusable(
                        "listed-only", name, file, "is listed but has no cine", f"add {name}/{name}_sa.nii.gz"
                    )
                )
                continue
            labels = [file for file in images.get(f"{name}_sa_gt", []) if file.parent == cines[0].parent]
            subjects.append(_subject(name, row, file, cines[0], labels, self.settings))
        for stem, cines in images.items():
            if stem.endswith("_sa"):
                problem = f"{file.name} does not list it"
                subjects.append(
                    base.unusable(
                        "unlisted", stem.removesuffix("_sa"), cines[0], problem, "add its row to the table"
                    )
                )
        return subjects


def _subject(
    name: str,
    row: Mapping[str, str],
    table: Path,
    cine: Path,
    labels: list[Path],
    settings: RawDatasetSettings,
) -> RawSubject:
    entries = metadata.Entries(row)
    try:
        ed, es = (entries.frame(key, first=0) for key in ("ED", "ES"))
    except ValueError as error:
        return base.unusable("frames-unread", name, table, str(error), "correct ED and ES")
    return RawSubject(
        id=name,
        files=(cine, table, *labels),
        load=partial(_load, name, cine, labels, table, ed, es, settings),
        ed_frame=ed,
        es_frame=es,
        centre=entries.text("Centre"),
        vendor=entries.vendor("VendorName") or entries.text("Vendor"),
        diagnosis=entries.diagnosis("Pathology"),
        **entries.person("Sex", "Age", "Height", "Weight"),
        findings=tuple(entries.findings),
    )


def _load(
    name: str,
    path: Path,
    labels: list[Path],
    table: Path,
    ed: int | None,
    es: int | None,
    settings: RawDatasetSettings,
) -> RawCine:
    cine = base.read_cine(path, name)
    base.check_frames(name, table, cine.image.shape[3], ed, es)
    others = {}
    for file in labels:
        others[file] = on_cine_grid(read_nifti(file, name), cine, file, name)
        base.add_label_cine(cine, others[file].array, base.SAME_LABELS, file, name)
    base.settle_size(cine, path, name, others, settings)
    return cine
