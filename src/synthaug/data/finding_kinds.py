"""Every kind of finding: its code, what happens to the subject, what it means and what to do.

    python -m synthaug.data.finding_kinds

writes docs/findings.md from here.
"""

from __future__ import annotations

from pathlib import Path

from synthaug.data.findings import EXCLUDED, KEPT, REPAIRED, FindingKind

_PAGE = Path(__file__).parents[3] / "docs" / "findings.md"

#: Kinds by code, in groups, in the order of the page.
GROUPS: dict[str, dict[str, FindingKind]] = {
    "Files": {
        "file-missing": FindingKind(EXCLUDED, "A file that the layout needs is not there.", "Add it."),
        "file-truncated": FindingKind(
            EXCLUDED, "A file ends before its header says.", "Copy it again from its source."
        ),
        "file-corrupted": FindingKind(
            EXCLUDED, "The checksum or the compression of a file is wrong.", "Copy it again from its source."
        ),
        "file-longer": FindingKind(
            EXCLUDED, "A file goes on after the voxels that its header announces.", "Write it again."
        ),
        "file-unreadable": FindingKind(
            EXCLUDED, "The system refuses to read a file.", "Check its permissions and the disk."
        ),
        "file-pointer": FindingKind(
            EXCLUDED,
            "A file is the pointer of a large-file store (Git LFS, git-annex, DVC), or a link to nothing.",
            "Fetch the content: `git lfs pull`, `datalad get`, `dvc pull`; correct the link.",
        ),
        "file-compressed-twice": FindingKind(EXCLUDED, "A file is a gzip of a gzip.", "Decompress it once."),
        "file-format": FindingKind(
            EXCLUDED,
            "A file is no NIfTI: empty, a web page, DICOM, an archive, another image format.",
            "Download or convert it again; the line says what it is.",
        ),
        "reader": FindingKind(
            EXCLUDED, "A reader from outside the package refuses the subject.", "As it says."
        ),
        "reader-failed": FindingKind(
            EXCLUDED,
            "Reading fails in a way that the reader did not foresee.",
            "Write the file again; report the line if the file is good.",
        ),
        "memory": FindingKind(
            EXCLUDED,
            "Reading takes more memory than there is, or the system killed the process that read.",
            "More `mem_mb` for the rule `harmonise`, or fewer threads.",
        ),
    },
    "Headers and geometry": {
        "header-damaged": FindingKind(
            EXCLUDED, "A header field cannot be what a writer meant.", "Write the file again."
        ),
        "dimensions": FindingKind(
            EXCLUDED, "An image is no stack (3D) and no cine (4D).", "Export the cine."
        ),
        "one-frame": FindingKind(
            EXCLUDED, "An image has one frame.", "Give the cine, or set `single_frame` (layout `nifti`)."
        ),
        "voxel-type": FindingKind(
            EXCLUDED, "Voxels are colours or complex.", "Convert to integers or floats."
        ),
        "voxels-not-finite": FindingKind(EXCLUDED, "Voxels are NaN or infinite.", "Export the image again."),
        "voxel-size-lost": FindingKind(
            EXCLUDED,
            "The header has no voxel size (1 x 1 x 1 mm, 0, NaN) and no other file of the subject has it.",
            "Declare `spacing_mm` of the dataset if you know it.",
        ),
        "voxel-size-repaired": FindingKind(
            REPAIRED,
            "The header lost its voxel size, which another file of the subject or the study has.",
            "Nothing; check that the size is right.",
        ),
    },
    "Frames and slices": {
        "cine-missing": FindingKind(
            EXCLUDED, "A subject has no cine, or several.", "Give one cine a subject."
        ),
        "frame-missing": FindingKind(
            EXCLUDED, "ED or ES is a frame that the cine lacks.", "Correct the table."
        ),
        "frames-equal": FindingKind(EXCLUDED, "ED and ES are the same frame.", "Correct the table."),
        "frame-image-differs": FindingKind(
            EXCLUDED, "The image of a frame is no frame of the cine.", "Give the cine that it was taken from."
        ),
        "slices-few": FindingKind(KEPT, "The stack may not hold a whole ventricle.", "Check its volumes."),
        "slices-displaced": FindingKind(
            KEPT,
            "Slices lie over 3 mm beside their neighbours: taken in another breath-hold.",
            "Look at the stack; `harmonisation.slice_alignment: correct` moves them back.",
        ),
        "slices-moved": FindingKind(
            REPAIRED, "The same, and the slices were moved back.", "Nothing; look at the stack."
        ),
        "frames-constant": FindingKind(KEPT, "A frame shows nothing.", "Export the cine again."),
        "frames-repeated": FindingKind(
            KEPT, "A frame is the same as the next one.", "Export the cine again."
        ),
        "image-constant": FindingKind(
            EXCLUDED, "The image is the same everywhere.", "Export the cine again."
        ),
        "contrast-low": FindingKind(KEPT, "Blood is hardly brighter than muscle.", "Look at the images."),
        "window-padded": FindingKind(
            REPAIRED, "The field of view ends inside the study's window.", "Nothing; 0 stands outside."
        ),
    },
    "Phases and labels": {
        "phases-unknown": FindingKind(
            REPAIRED, "Nothing says which frame is ED; the first is taken.", "Add ED and ES to the table."
        ),
        "phases-from-labels": FindingKind(
            REPAIRED, "The table has no ED; the labels' volumes decide.", "Add ED and ES to the table."
        ),
        "phases-exchanged": FindingKind(KEPT, "The LV is larger at ES than at ED.", "Check the frames."),
        "labels-shape": FindingKind(
            EXCLUDED, "Labels have another shape than the cine.", "Give labels on the cine's own grid."
        ),
        "labels-value": FindingKind(
            EXCLUDED, "A label is none that the dataset has.", "Map it in `label_map`, or correct the labels."
        ),
        "labels-at-edge": FindingKind(KEPT, "Labels touch the edge of the field of view.", "Check volumes."),
        "labels-apart": FindingKind(KEPT, "A part of the LV lies apart from the rest.", "Check the labels."),
        "structure-missing": FindingKind(KEPT, "A labelled frame lacks a structure.", "Check the labels."),
        "ejection-fraction": FindingKind(KEPT, "The ejection fraction is implausible.", "Check the labels."),
        "orientation-contradicted": FindingKind(
            KEPT, "Labels show a heart that is turned against its header.", "Check header and label numbers."
        ),
        "slices-contradicted": FindingKind(
            KEPT, "Labels show that the stack runs from the apex.", "Check the order of the slices."
        ),
        "window-cuts": FindingKind(
            KEPT, "The study's window cuts labelled structures.", "Enlarge `harmonisation.matrix`."
        ),
    },
    "Tables": {
        "table-missing": FindingKind(EXCLUDED, "A subject's own table is missing.", "Restore it."),
        "listed-only": FindingKind(EXCLUDED, "The table lists a subject that has no images.", "Add them."),
        "unlisted": FindingKind(EXCLUDED, "The table does not list a subject.", "Add its row."),
        "id-refused": FindingKind(
            EXCLUDED,
            "An id is not 1 to 64 letters, digits or hyphens; ids become file names.",
            "Rename the subject.",
        ),
        "frames-unread": FindingKind(EXCLUDED, "ED or ES is no frame number.", "Correct the table."),
    },
    "Cohorts": {
        "cohort-unreadable": FindingKind(EXCLUDED, "A file of a cohort cannot be read.", "Write it again."),
        "cohort-intensities": FindingKind(EXCLUDED, "Intensities of a cohort leave [0, 1].", "Scale them."),
    },
}
#: Kind by code.
KINDS: dict[str, FindingKind] = {code: kind for group in GROUPS.values() for code, kind in group.items()}


def page() -> str:
    """Content of docs/findings.md."""
    lines = [
        "# Findings",
        "",
        "Generated by `python -m synthaug.data.finding_kinds`. `synthaug validate` prints one line a finding: subject, file,",
        "problem, remedy, and the code in brackets. `findings.tsv` and `quarantine.tsv` of a cohort have the same codes.",
        "`excluded` subjects are left out and listed, the others are used.",
    ]
    for group, kinds in GROUPS.items():
        lines += ["", f"## {group}", "", "| code | effect | meaning | what to do |", "|---|---|---|---|"]
        lines += [
            f"| `{code}` | {kind.effect} | {kind.meaning} | {kind.remedy} |" for code, kind in kinds.items()
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    _PAGE.write_text(page(), encoding="utf-8")
