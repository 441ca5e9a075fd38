"""Labelled hearts that the image itself cuts."""

from __future__ import annotations

from synthaug.report import wording
from synthaug.report.flag import MODERATE, Flag, FlagKind
from synthaug.report.section import ReportData
from synthaug.report.table import read_rows
from synthaug.report.thresholds import THRESHOLDS


def check(data: ReportData) -> Flag | None:
    """Whether structures of any labelled subject reach the edge of the field of view."""
    table = data.real.table
    found = {
        row["subject"]
        for folder in data.inputs.cohorts.values()
        for row in read_rows(folder / "findings.tsv")
        if row["code"] == "labels-at-edge"
    }
    cut = table[table.index.isin(found)]
    if len(cut) <= THRESHOLDS["field_of_view"].value:
        return None
    labelled = int(table["labelled_frames"].notna().sum())
    of_lv = int(cut["lv_edv_ml"].isna().sum())
    sentence = (
        f"The image cuts structures of {len(cut)} of {wording.counted(labelled, 'labelled subject')}, the LV at ED of "
        f"{of_lv or 'none'}. Volumes, EF and mass of these structures are unknown."
    )
    return Flag(MODERATE, sentence, 1 + len(cut) / labelled)


KIND = FlagKind(
    title="Hearts cut by the image",
    remedy="Take the uncropped images, or exclude the subjects (`exclude` of the dataset): generators learn half hearts.",
    section="subjects",
    check=check,
)
