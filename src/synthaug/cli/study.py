"""Commands about a study: what it costs, what changed, its page once more."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from synthaug.cli.paths import path_argument
from synthaug.core.errors import SynthaugError

_NAMED = 10  # absent files that are named


def add(commands: Any) -> None:
    """Declare the commands."""
    cost = commands.add_parser("cost", help="say what a declared study costs: trainings, hours, disk")
    cost.add_argument("study", type=path_argument, metavar="STUDY.yaml")
    cost.add_argument(
        "--results",
        type=path_argument,
        default=Path("results"),
        help="folder in which earlier runs recorded their times",
    )
    cost.add_argument(
        "--gpu",
        action="store_true",
        help="rehearse a training step of each model and segmenter and a batch of each generator on a GPU that need not be "
        "there: memory, arithmetic, hours (minutes)",
    )
    cost.add_argument(
        "--utilisation",
        type=float,
        default=0.05,
        metavar="SHARE",
        help="share of a GPU's peak that trainings and sampling use, for the hours (0.05; docs/gpu.md has measured ones)",
    )
    cost.set_defaults(run=_cost)

    diff = commands.add_parser(
        "diff", help="what changed between two result table versions, in numbers and why (exits as diff does)"
    )
    diff.add_argument(
        "before", metavar="A", help="folder of a version, or with --study its name (v001, current)"
    )
    diff.add_argument("after", metavar="B", help="the same")
    diff.add_argument("--study", type=path_argument, help="the study's results, results/<study>")
    diff.add_argument("--all", action="store_true", help="every line, not only the first of each kind")
    diff.add_argument("--json", action="store_true", help="everything as JSON, for other programs")
    diff.set_defaults(run=_diff, refused=2)

    collate = commands.add_parser(
        "collate", help="tables and page of a study in which jobs failed: what there is, and what is not"
    )
    collate.add_argument(
        "study", type=path_argument, metavar="RESULTS", help="the study's results, results/<study>"
    )
    collate.add_argument(
        "--partial",
        action="store_true",
        required=True,
        help="into partial/, with rows of status failed; snakemake alone collates complete tables",
    )
    collate.set_defaults(run=_collate)

    report = commands.add_parser("report", help="render the page of a study again from its gathered content")
    report.add_argument("study", type=path_argument, help="the study's results, results/<study>")
    report.add_argument(
        "--output", type=path_argument, help="HTML file to write; report.html of the study if not given"
    )
    report.set_defaults(run=_report, refused=2)


def _cost(options: argparse.Namespace) -> int:
    from synthaug.config.study import load_study
    from synthaug.core.yaml_files import read_yaml
    from synthaug.cost import count_subjects, estimate_cost, say_cost

    content = read_yaml(options.study)
    if not isinstance(content, dict):
        raise SynthaugError(f"{options.study}: holds no keys; give a study file such as config/config.yaml")
    study = load_study(content)
    print(say_cost(study, estimate_cost(study, count_subjects(study), options.results)))
    if options.gpu:
        from synthaug.rehearsal.rehearse import rehearse, say_heading, say_model, say_trainings
        from synthaug.rehearsal.rehearse_sampling import (
            rehearse_sampling,
            say_generator,
            say_sampling_heading,
        )
        from synthaug.rehearsal.rehearse_segmenters import (
            rehearse_segmenters,
            say_segmenter,
            say_segmenter_heading,
        )

        print(say_heading(options.utilisation))
        steps = {}
        for name, step in rehearse(study):
            steps[name] = step
            print(say_model(study, name, step, options.utilisation), flush=True)
        print(say_trainings(study, steps, options.utilisation))
        if study.generators:
            print(say_sampling_heading(options.utilisation))
        for name, batch in rehearse_sampling(study):
            print(say_generator(study, name, batch, options.utilisation), flush=True)
        if any(task.kind == "segmentation" for task in study.tasks.values()):
            print(say_segmenter_heading(options.utilisation))
        for name, configuration, segmenter in rehearse_segmenters(study):
            print(say_segmenter(study, name, configuration, segmenter, options.utilisation), flush=True)
    return 0


def _diff(options: argparse.Namespace) -> int:
    from synthaug.tables.diff import as_json, as_text, compare_versions
    from synthaug.tables.versions import find_version

    found = compare_versions(*(find_version(name, options.study) for name in (options.before, options.after)))
    print(as_json(found) if options.json else as_text(found, options.all), end="")
    return 1 if found.rows else 0


def _collate(options: argparse.Namespace) -> int:
    from synthaug.partial.collate import collate_partial

    found = collate_partial(options.study)
    print(f"partial results: {len(found.absent)} declared result files are absent")
    for missing in found.absent[:_NAMED]:
        print(f"  {missing.file}: {missing.reason}")
    if len(found.absent) > _NAMED:
        print(f"  and {len(found.absent) - _NAMED} more: {found.version / 'absent.tsv'}")
    print(f"{found.version}\n{found.page}")
    return 0


def _report(options: argparse.Namespace) -> int:
    from synthaug.report.rerender import render_again

    page = render_again(options.study, options.output)
    print(f"{page}")
    return 0
