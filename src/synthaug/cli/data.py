"""Commands about datasets: write a phantom, validate what is there, a page about its quality."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from synthaug.cli.numbers import at_least
from synthaug.cli.paths import path_argument
from synthaug.config.data import DatasetSettings
from synthaug.core.errors import SynthaugError
from synthaug.core.registry import members, parse
from synthaug.jobs.progress import progress
from synthaug.views import View

if TYPE_CHECKING:
    from synthaug.data.readers.folders import Ignored

_LAYOUTS = ", ".join(
    [
        *(name for name in members(DatasetSettings, "layout") if name != "plugin"),
        "cohort",
        "or module:Class of a reader",
    ]
)
_VIEW = "view to read, of layouts mnms2 and nifti"


def add(commands: Any) -> None:
    """Declare the commands."""
    phantom = commands.add_parser("phantom", help="write a phantom dataset in the raw layout of a public one")
    phantom.add_argument("output", type=path_argument, help="folder to write; it must not exist")
    phantom.add_argument(
        "--layout",
        choices=[
            name
            for name, found in members(DatasetSettings, "layout").items()
            if getattr(found, "has_phantom", False)
        ],
        default="acdc",
        help="layout to write",
    )
    phantom.add_argument("--subjects", type=int, default=20, help="patients to simulate")
    phantom.add_argument(
        "--vendors", nargs="+", default=["A"], choices=["A", "B", "C"], help="scanners, in turn"
    )
    phantom.add_argument("--unlabelled", type=float, default=0.0, help="share of subjects without labels")
    phantom.add_argument("--seed", type=int, default=0, help="the same seed gives the same files")
    phantom.add_argument(
        "--processes", type=at_least(1), default=os.cpu_count() or 1, help="subjects at a time"
    )
    phantom.set_defaults(run=_phantom)

    validate = commands.add_parser(
        "validate", help="read a dataset or cohort once and say what is wrong with it"
    )
    validate.add_argument("path", type=path_argument, help="folder of the dataset or cohort")
    validate.add_argument("--dataset", required=True, metavar="LAYOUT", type=_layout, help=_LAYOUTS)
    validate.add_argument("--view", choices=get_args(View), help=_VIEW)
    validate.set_defaults(run=_validate)

    quality = commands.add_parser(
        "quality",
        help="write a page about a dataset or cohort: flow of subjects, volumes, image quality, pictures",
    )
    quality.add_argument("path", type=path_argument, help="folder of the dataset or cohort")
    quality.add_argument("--dataset", default="cohort", metavar="LAYOUT", type=_layout, help=_LAYOUTS)
    quality.add_argument(
        "--output", type=path_argument, default=Path("quality.html"), help="HTML file to write"
    )
    quality.add_argument("--view", choices=get_args(View), help=_VIEW)
    quality.add_argument(
        "--processes", type=at_least(1), default=os.cpu_count() or 1, help="raw subjects at a time"
    )
    quality.set_defaults(run=_quality)


def _layout(text: str) -> dict[str, str] | None:
    """What a study would say of a layout; None for a cohort."""
    if text == "cohort":
        return None
    if ":" in text:
        return {"layout": "plugin", "class": text}
    if text not in members(DatasetSettings, "layout"):
        raise argparse.ArgumentTypeError(f"{text!r} is no layout; give {_LAYOUTS}")
    return {"layout": text}


def _settings(options: argparse.Namespace, **further: Any) -> DatasetSettings:
    """What a study would say of the dataset that the command line names."""
    from pydantic import ValidationError

    view = {"view": options.view} if options.view else {}
    kind = members(DatasetSettings, "layout")[options.dataset["layout"]]
    if view and "view" not in getattr(kind, "model_fields", {}):
        raise SynthaugError(f"--view: layout {options.dataset['layout']} has one view; leave it out")
    said = {**options.dataset, "root": str(options.path), **view, **further}
    try:
        found: DatasetSettings = parse(said, DatasetSettings)
    except ValidationError as error:
        raise SynthaugError(f"--dataset: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None
    return found


def _refuse_view_of_cohort(options: argparse.Namespace) -> None:
    if options.view:
        raise SynthaugError("--view: a cohort says which view it is of; leave it out")


def _phantom(options: argparse.Namespace) -> int:
    from pydantic import ValidationError

    from synthaug.config.phantom import PhantomSettings
    from synthaug.phantom import write_phantom

    if options.output.exists():
        raise SynthaugError(f"{options.output}: exists already; name a new folder or remove it")
    try:
        settings = PhantomSettings(
            subjects=options.subjects,
            vendors=options.vendors,
            unlabelled=options.unlabelled,
            seed=options.seed,
        )
    except ValidationError as error:
        finding = error.errors()[0]
        raise SynthaugError(f"--{'.'.join(map(str, finding['loc']))}: {finding['msg']}") from None
    write_phantom(
        options.output, options.layout, settings, processes=options.processes, progress=progress("subjects")
    )
    print(f"{options.subjects} subjects in {options.output}")
    return 0


def _validate(options: argparse.Namespace) -> int:
    from synthaug.data.readers import find_subjects, ignored_files
    from synthaug.data.validate import validate_cohort, validate_dataset

    if options.dataset is None:
        _refuse_view_of_cohort(options)
        findings = validate_cohort(options.path)
    else:
        settings = _settings(options)
        subjects = find_subjects(settings, options.path)
        findings = validate_dataset(subjects, progress("subjects read") if len(subjects) > 1 else None)
        _say_ignored(ignored_files(settings, options.path, subjects), options.path)
    for finding in findings:
        print(finding)
    print(f"{len(findings)} finding{'' if len(findings) == 1 else 's'} in {options.path}", file=sys.stderr)
    return 1 if findings else 0


def _quality(options: argparse.Namespace) -> int:
    from synthaug.report.quality_page import write_quality_page, write_raw_quality_page

    if options.output.is_dir():
        raise SynthaugError(f"--output: {options.output} is a folder; name an HTML file")
    if options.dataset is None:
        _refuse_view_of_cohort(options)
        count = write_quality_page(options.path, options.output)
    else:
        settings = _settings(options, minimum_subjects=1)
        count = write_raw_quality_page(
            settings, options.path, options.output, options.processes, progress("subjects")
        )
    print(f"{count} subject{'' if count == 1 else 's'} in {options.output}")
    return 0


def _say_ignored(ignored: Sequence[Ignored], root: Path) -> None:
    """One line a reason, with how many files it has and the first of them."""
    reasons = Counter(one.reason for one in ignored)
    for reason, count in reasons.items():
        first = next(one.path for one in ignored if one.reason == reason)
        more = f" and {count - 1} more" if count > 1 else ""
        print(f"ignored: {first.relative_to(root)}{more}: {reason}", file=sys.stderr)
