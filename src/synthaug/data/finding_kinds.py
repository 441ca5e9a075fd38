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
        "view": FindingKind(
            EXCLUDED,
            "A long-axis cine has several slices, or a cine has another view than its dataset.",
            "Give the four-chamber slice alone; correct `view`.",
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
        "voxel-size-implausible": FindingKind(
            EXCLUDED,
            "No heart has voxels of this size: pixels beyond 0.3 to 5 mm, slices closer than 2 mm that do not cover 60 mm, "
            "or farther than 30 mm.",
            "Correct the header (the line says which unit would fit), or declare `spacing_mm`.",
        ),
        "voxel-size-disagrees": FindingKind(
            EXCLUDED,
            "pixdim, sform and the subject's other files tell several possible voxel sizes.",
            "Correct the headers, or declare `spacing_mm`.",
        ),
        "voxel-size-repaired": FindingKind(
            REPAIRED,
            "The header lost its voxel size or contradicts itself; another place or file, or the study, settles it.",
            "Nothing; check that the size is right.",
        ),
        "orientation-unknown": FindingKind(
            KEPT,
            "The header has neither sform nor qform, so that only the stored order of the voxels is known.",
            "Write the orientation into the header, and look at the subject.",
        ),
        "orientation-disagrees": FindingKind(
            REPAIRED,
            "sform and qform point in different directions; the sform is taken.",
            "Correct the header.",
        ),
    },
    "Frames and slices": {
        "axes-exchanged": FindingKind(
            EXCLUDED, "Frames and slices of the cine are exchanged.", "Store it as (x, y, z, t)."
        ),
        "slices-missing": FindingKind(
            EXCLUDED, "A slice inside the stack shows nothing.", "Export the cine again."
        ),
        "slices-repeated": FindingKind(
            EXCLUDED, "Neighbouring slices are the same in all frames.", "Export the cine again."
        ),
        "slices-empty": FindingKind(KEPT, "Slices at an end of the stack show nothing.", "Check volumes."),
        "stack-length": FindingKind(
            KEPT, "The stack is shorter or longer than ventricles are.", "Check the slice distance."
        ),
        "frames-differ": FindingKind(
            KEPT,
            "The table says another number of frames than the cine has.",
            "Check that the cine is whole and the patient's.",
        ),
        "frames-few": FindingKind(KEPT, "End systole may lie between two frames.", "Export all frames."),
        "frame-image-moved": FindingKind(
            REPAIRED,
            "The image of a frame is another frame of the cine than its name says.",
            "Check the file names; labels follow the image.",
        ),
        "contrast-inverted": FindingKind(
            KEPT,
            "Blood is darker than muscle where it is labelled.",
            "Check that the labels are of this image.",
        ),
        "cine-missing": FindingKind(
            EXCLUDED, "A subject has no cine, or several.", "Give one cine a subject."
        ),
        "frame-missing": FindingKind(
            EXCLUDED,
            "ED, ES or the labelled frame is one that the cine lacks.",
            "Correct the table, or the number in the label file's name.",
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
        "contrast-low": FindingKind(
            KEPT,
            "Blood is hardly brighter than muscle where it is labelled; without labels, all intensities are alike.",
            "Look at the images, and whether the labels are of this image.",
        ),
        "window-padded": FindingKind(
            REPAIRED, "The field of view ends inside the study's window.", "Nothing; 0 stands outside."
        ),
    },
    "Phases and labels": {
        "phases-unknown": FindingKind(
            REPAIRED, "Nothing says which frame is ED; the first is taken.", "Add ED and ES to the table."
        ),
        "phases-from-labels": FindingKind(
            REPAIRED, "The table lacks ED or ES; the labels' volumes decide.", "Add ED and ES to the table."
        ),
        "phases-exchanged": FindingKind(KEPT, "The LV is larger at ES than at ED.", "Check the frames."),
        "phases-unlabelled": FindingKind(
            REPAIRED,
            "The labelled frames are not those that the table calls ED and ES.",
            "Correct the table, or the number in the label file's name.",
        ),
        "ed-not-largest": FindingKind(KEPT, "Another labelled frame has a larger LV than ED.", "Check ED."),
        "labels-displaced": FindingKind(
            EXCLUDED,
            "The affine of labels or of a frame puts them on another grid than the cine's.",
            "Resample them to the cine's grid, or correct the affine.",
        ),
        "labels-beside": FindingKind(
            KEPT, "Labels or a frame lie less than half a voxel beside the cine.", "Check the affines."
        ),
        "labels-aligned": FindingKind(
            REPAIRED, "Labels or a frame are stored in another orientation than the cine.", "Nothing."
        ),
        "labels-partial": FindingKind(
            KEPT,
            "Only some structures are drawn: their volumes are measured, the frames are not trained or tested on.",
            "Nothing; draw the others to train on the subject.",
        ),
        "labels-exchanged": FindingKind(
            EXCLUDED,
            "Labels are numbered as in another dataset: what the myocardium encloses is not the LV's number.",
            "Set `label_map` (layout `nifti`), or number them as the layout does.",
        ),
        "labels-frame-unknown": FindingKind(
            EXCLUDED, "Labels of one frame do not say which.", "Name the frame: `_frame-05_labels.nii.gz`."
        ),
        "labels-twice": FindingKind(
            EXCLUDED, "Two files label a frame differently.", "Keep one of the files."
        ),
        "labels-empty": FindingKind(
            KEPT,
            "A file of labels has none, so that its frame or the subject counts as unlabelled.",
            "Write the labels, or remove the file.",
        ),
        "frame-unlabelled": FindingKind(
            KEPT, "The image of a frame has no labels beside it.", "Add them if the frame was labelled."
        ),
        "labels-dropped": FindingKind(
            KEPT,
            "Labels of some frames cannot be used.",
            "More `harmonisation.frames`; add the frame's image.",
        ),
        "labels-shape": FindingKind(
            EXCLUDED, "Labels have another shape than the cine.", "Give labels on the cine's own grid."
        ),
        "labels-value": FindingKind(
            EXCLUDED,
            "A label value is not defined for this dataset.",
            "Map it in `label_map`, or correct the labels.",
        ),
        "labels-at-edge": FindingKind(
            KEPT,
            "Structures reach the edge of the field of view: their volumes, ejection fraction and mass count as unknown.",
            "Export the images uncropped.",
        ),
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
        "excluded-by-study": FindingKind(
            EXCLUDED,
            "The study file leaves the subject out (`exclude` of its dataset), for the reason given there.",
            "Nothing; take it out of `exclude` to use it.",
        ),
        "id-refused": FindingKind(
            EXCLUDED,
            "An id is not 1 to 64 letters, digits or hyphens; ids become file names.",
            "Rename the subject.",
        ),
        "id-missing": FindingKind(EXCLUDED, "A row has no id.", "Give it, or remove the row."),
        "id-twice": FindingKind(EXCLUDED, "A subject is there at two places.", "Remove or rename one."),
        "row-twice": FindingKind(
            EXCLUDED,
            "A subject stands in rows that differ, or `Info.cfg` has a line twice.",
            "Keep one, or add a column `session_id`.",
        ),
        "entry-unread": FindingKind(
            KEPT, "An entry is no number, beyond its bounds, or a formula.", "Correct it."
        ),
        "entry-unit": FindingKind(
            REPAIRED,
            "An entry without a unit is possible in another unit than the column's only, in which it is taken.",
            "Nothing; check the number.",
        ),
        "frames-unread": FindingKind(EXCLUDED, "ED or ES is no frame number.", "Correct the table."),
    },
    "DICOM": {
        "dicom-none": FindingKind(
            EXCLUDED, "No file of a subject is a DICOM image that can be used.", "Export the images again."
        ),
        "dicom-no-stack": FindingKind(
            EXCLUDED,
            "There are no two parallel slices with several frames.",
            "Export the short-axis cine with all its slices.",
        ),
        "dicom-grids-mixed": FindingKind(
            EXCLUDED,
            "Slices differ in matrix, pixel spacing or direction, and none of the grids has most of them.",
            "Export the slices of one acquisition.",
        ),
        "dicom-patients-mixed": FindingKind(
            EXCLUDED, "A folder has images of several patients.", "Give each patient a folder."
        ),
        "dicom-series-missing": FindingKind(
            EXCLUDED, "No series has the description that the study asks for.", "Correct `series`."
        ),
        "dicom-order-unknown": FindingKind(
            EXCLUDED, "Neither times nor numbers order the frames.", "Export the images with their headers."
        ),
        "dicom-compressed": FindingKind(
            EXCLUDED,
            "The images are compressed in a way that is not read here.",
            "Decompress them: `gdcmconv --raw`, `dcmdjpeg`.",
        ),
        "dicom-unreadable": FindingKind(
            EXCLUDED, "Reading fails in a way that the reader did not foresee.", "Export the images again."
        ),
        "dicom-file-damaged": FindingKind(
            REPAIRED,
            "A file is truncated or damaged, or lacks pixels, position, direction or pixel spacing; it is left out.",
            "Copy or export it again.",
        ),
        "dicom-files-ignored": FindingKind(
            KEPT, "Files beside the images are no DICOM images.", "Nothing; check that none is missing."
        ),
        "dicom-files-repeated": FindingKind(REPAIRED, "The same image lies in several files.", "Nothing."),
        "dicom-id-replaced": FindingKind(
            REPAIRED,
            "A folder's name says who the patient is; its subject is called by a hash.",
            "Rename the folder, or set `pseudonyms`.",
        ),
        "dicom-visits": FindingKind(
            REPAIRED,
            "Several folders have one PatientID; they are taken for visits of one patient and stay in one split.",
            "Nothing; give `patient` in the table where they are not.",
        ),
        "dicom-patient-constant": FindingKind(
            KEPT,
            "All of three or more folders have one PatientID, as an anonymiser writes it; each is taken for a patient.",
            "Give `patient` in the table where several are visits of one patient.",
        ),
        "dicom-left-out": FindingKind(
            REPAIRED,
            "Other images lie beside the stack: long axes, localisers, other visits, colour pictures, phase images.",
            "Nothing; set `series` if the wrong ones are used.",
        ),
        "dicom-grid-differs": FindingKind(
            REPAIRED,
            "A few slices have another matrix or pixel spacing; they are left out.",
            "Check volumes.",
        ),
        "dicom-slices-repeated": FindingKind(
            REPAIRED,
            "Slices were acquired several times; the latest complete acquisition is used.",
            "Nothing.",
        ),
        "dicom-phases-repeated": FindingKind(
            REPAIRED, "Several images of a slice have one time; the latest is used.", "Look at the cine."
        ),
        "dicom-phases-chosen": FindingKind(
            REPAIRED,
            "Slices have different numbers of frames; each gives the nearest in the beat.",
            "Look at the cine.",
        ),
        "dicom-slice-short": FindingKind(
            REPAIRED, "A slice with fewer than half of the frames is left out.", "Export it again."
        ),
        "dicom-slice-missing": FindingKind(
            KEPT, "A slice is missing within the stack; volumes are too small.", "Export all slices."
        ),
        "dicom-slices-uneven": FindingKind(
            KEPT, "Slices are not equally far apart; the median is used.", "Check volumes."
        ),
        "dicom-slices-shifted": FindingKind(
            KEPT, "Slices are shifted against each other in their plane.", "Look at the stack."
        ),
        "dicom-distance-differs": FindingKind(
            REPAIRED,
            "Positions say another distance of slices than the header does; they are used.",
            "Nothing.",
        ),
        "dicom-order-by-number": FindingKind(
            KEPT, "Only instance numbers order the frames.", "Look at the cine."
        ),
        "dicom-time-unit": FindingKind(REPAIRED, "Times are in another unit than milliseconds.", "Nothing."),
        "dsb-volumes": FindingKind(KEPT, "The table's volumes of a subject are none.", "Correct the table."),
        "contour-unread": FindingKind(
            EXCLUDED, "A contour file has fewer than three points.", "Copy it again from its source."
        ),
        "contours-unmatched": FindingKind(
            KEPT, "Contours belong to images that are not in the stack.", "Check that all images are there."
        ),
        "contours-stray": FindingKind(
            KEPT, "A frame has contours in few slices; they are not used.", "Nothing."
        ),
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
