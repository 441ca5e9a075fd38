"""The command that makes requests of edited masks."""

from __future__ import annotations

import argparse
from typing import Any

from synthaug.cli.paths import path_argument


def add(commands: Any) -> None:
    """Declare the command."""
    edit = commands.add_parser(
        "edit-masks",
        help="write requests with edited masks, for synthesis.requests.cohort of a study with a mask_guided generator",
    )
    edit.add_argument("cohort", type=path_argument, help="cohort, synthetic cohort or requests with masks")
    edit.add_argument("output", type=path_argument, help="folder to write; it must not exist")
    edit.add_argument(
        "--subjects", nargs="+", default=[], metavar="ID", help="subjects to edit; all with masks"
    )
    size = edit.add_mutually_exclusive_group()
    size.add_argument("--dilate-mm", type=float, metavar="MM", help="LV borders outwards; below 0 inwards")
    size.add_argument(
        "--edv-ml", type=float, metavar="ML", help="LV end-diastolic volume; the ejection fraction stays"
    )
    edit.add_argument("--wall-mm", type=float, metavar="MM", help="thicker wall; below 0 thinner")
    edit.add_argument(
        "--akinetic",
        nargs="+",
        type=int,
        default=[],
        metavar="SEGMENT",
        help="AHA segments, 1 to 16, whose wall stays where it is at end-diastole",
    )
    edit.add_argument("--heart-rate", type=float, metavar="BPM", help="beats per minute: time between frames")
    edit.add_argument("--vendor", help="vendor that is requested")
    edit.add_argument("--diagnosis", help="diagnosis that is requested; left open where masks change")
    edit.set_defaults(run=_edit)


def _edit(options: argparse.Namespace) -> int:
    from synthaug.data.cohort import Cohort
    from synthaug.mask_edits.edit_masks import MaskEdit, edit_masks

    edit = MaskEdit(
        options.dilate_mm,
        options.edv_ml,
        options.wall_mm,
        tuple(options.akinetic),
        options.heart_rate,
        options.vendor,
        options.diagnosis,
    )
    count = edit_masks(Cohort.open(options.cohort), edit, options.output, options.subjects)
    print(f"{count} requests in {options.output}")
    return 0
