"""M&Ms-2: `dataset/<id>` with a short-axis and a long-axis (four-chamber) cine and labelled ED and ES frames of each.

Martín-Isla et al., IEEE JBHI 27(7), 2023. Labels are 1 LV, 2 myocardium, 3 RV. A dataset of a study reads one view.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from synthaug.config.data import RawDatasetSettings
from synthaug.data.findings import Finding
from synthaug.data.nifti import NiftiImage, read_nifti
from synthaug.data.readers import base, metadata
from synthaug.data.readers.base import RawCine, RawSubject, Reader
from synthaug.data.readers.folders import image_stem, scan
from synthaug.data.readers.label_grid import frame_of_cine
from synthaug.views import LONG_AXIS, SHORT_AXIS, View

#: How the names of a view's files begin after the id.
_PREFIXES: Mapping[View, str] = {SHORT_AXIS: "SA", LONG_AXIS: "LA"}


class Mnms2Reader(Reader):
    """Reads M&Ms-2."""

    def __init__(self, settings: RawDatasetSettings) -> None:
        super().__init__(settings)
        names = (f"{_PREFIXES[settings.shows]}_{kind}.nii" for kind in ("CINE", "E?", "E?_gt"))
        self.patterns = ("*.csv", *(f"**/*_{name}{zip}" for name in names for zip in (".gz", "")))

    def find(self, root: Path) -> list[RawSubject]:
        """Subjects under `root/dataset` or `root`, with the metadata of `dataset_information.csv`.

        The table is optional, because the images do not depend on it; it does not say which
        frames of the cine ED and ES are, so these are found when the images are read.
        """
        found = scan(root)
        places: dict[str, dict[Path, dict[str, Path]]] = {}
        for file in found.files:
            if (stem := image_stem(file)) and f"_{_PREFIXES[self.settings.shows]}_" in stem:
                places.setdefault(file.parent.name, {}).setdefault(file.parent, {})[stem] = file
        subjects: list[RawSubject] = []
        rows: dict[str, dict[str, str]] = {}
        if any(file.parent == root for file in found.matching("dataset_information*.csv")):
            table_file, table = metadata.read_table(found, "dataset_information*.csv", ("SUBJECT_CODE",))
            listed, subjects = base.rows_by_id(table, "SUBJECT_CODE", table_file)
            for code, row in listed.items():
                # A spreadsheet turns 001 into 1.
                name = metadata.match_id(code, places) or code
                rows[name] = row
                if name not in places:
                    problem, remedy = "is listed but has no images", f"add the folder {name}"
                    subjects.append(base.unusable("listed-only", name.zfill(3), table_file, problem, remedy))
        for name, folders in places.items():
            if len(folders) > 1:
                subjects.append(base.twice(name, list(folders)))
            else:
                ((folder, images),) = folders.items()
                subjects.append(_subject(name, folder, images, rows.get(name), self.settings))
        return subjects


def _subject(
    name: str,
    folder: Path,
    images: Mapping[str, Path],
    row: Mapping[str, str] | None,
    settings: RawDatasetSettings,
) -> RawSubject:
    start = f"{name}_{_PREFIXES[settings.shows]}"
    cine = images.get(f"{start}_CINE")
    if cine is None:
        # Two frames are two time points of a beat. Interpolated to a cine they would be a
        # cross-fade that no heart makes, and would teach and test motion that was never seen.
        return base.unusable(
            "cine-missing",
            name,
            folder / f"{start}_CINE.nii.gz",
            "there is no cine, only the ED and ES frames",
            f"add the file {start}_CINE of M&Ms-2; a beat cannot be made of two frames",
        )
    phases = {
        phase: (images.get(f"{start}_{phase}"), images.get(f"{start}_{phase}_gt")) for phase in ("ED", "ES")
    }
    entries = metadata.Entries({} if row is None else row)
    return RawSubject(
        id=name,
        files=(cine, *(file for pair in phases.values() for file in pair if file is not None)),
        load=partial(_load, name, cine, phases, settings),
        vendor=entries.vendor("VENDOR"),
        scanner=entries.text("SCANNER"),
        field_strength_t=entries.number("FIELD", "field_strength_t"),
        diagnosis=entries.diagnosis("DISEASE"),
        findings=tuple(entries.findings),
    )


def _load(
    name: str, path: Path, phases: Mapping[str, tuple[Path | None, Path | None]], settings: RawDatasetSettings
) -> RawCine:
    cine = base.read_cine(path, name)
    cine.view = settings.shows
    others: dict[Path, NiftiImage] = {}
    found: dict[str, int] = {}
    for phase, (image_file, label_file) in phases.items():
        if image_file is None:
            if label_file is not None:
                problem = f"the labels of {phase} have no image, so that nothing says which frame they show"
                cine.findings.append(
                    Finding("labels-dropped", problem, f"add {name}_{_PREFIXES[cine.view]}_{phase}.nii.gz")
                )
            continue
        image = read_nifti(image_file, name)
        found[phase], others[image_file], bring = frame_of_cine(image, cine, image_file, name)
        if label_file is not None:
            others[label_file] = bring(read_nifti(label_file, name), label_file)
            labels = base.canonical_labels(
                others[label_file].array,
                base.SAME_LABELS,
                label_file,
                name,
                cine.image.shape[:3],
            )
            base.add_labels(cine, found[phase], labels, label_file, name)
    cine.ed_frame, cine.es_frame = found.get("ED"), found.get("ES")
    base.settle_size(cine, path, name, others, settings)
    return cine
