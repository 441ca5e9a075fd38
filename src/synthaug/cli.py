"""The command line: ``synthaug`` or ``python -m synthaug``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from synthaug import __version__
from synthaug.errors import SynthaugError
from synthaug.progress import progress


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        0 done and clean; 1 findings, differences, or an error of one line; 2 unusable arguments, and for
        `evaluate`, `diff` and `report` data that cannot be used.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except SynthaugError as error:
        for line in str(error).splitlines():
            print(f"synthaug: {line}", file=sys.stderr)
        return int(options.refused)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="synthaug",
        description="Augmentation studies in 4D cardiac cine MRI. A whole study runs with snakemake; see the README.",
    )
    parser.add_argument("--version", action="version", version=f"synthaug {__version__}")
    parser.set_defaults(refused=1)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    phantom = commands.add_parser("phantom", help="write a phantom dataset in the raw layout of a public one")
    phantom.add_argument("output", type=Path, help="folder to write; it must not exist")
    phantom.add_argument("--layout", choices=["acdc", "mnms"], default="acdc")
    phantom.add_argument("--subjects", type=int, default=20)
    phantom.add_argument(
        "--vendors", nargs="+", default=["A"], choices=["A", "B", "C"], help="scanners, in turn"
    )
    phantom.add_argument("--unlabelled", type=float, default=0.0, help="share of subjects without labels")
    phantom.add_argument("--seed", type=int, default=0)
    phantom.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    phantom.set_defaults(run=_phantom)

    validate = commands.add_parser(
        "validate", help="read a dataset or cohort once and say what is wrong with it"
    )
    validate.add_argument("path", type=Path)
    validate.add_argument("--dataset", required=True, choices=["acdc", "mnms", "mnms2", "nifti", "cohort"])
    validate.set_defaults(run=_validate)

    cost = commands.add_parser("cost", help="say what a declared study costs: jobs, hours, disk")
    cost.add_argument("study", type=Path, metavar="STUDY.yaml")
    cost.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        help="folder in which earlier runs recorded their times",
    )
    cost.set_defaults(run=_cost)

    _add_evaluate(commands)

    diff = commands.add_parser(
        "diff", help="what changed between two result table versions, in numbers and why (exits as diff does)"
    )
    diff.add_argument(
        "before", metavar="A", help="folder of a version, or with --study its name (v001, current)"
    )
    diff.add_argument("after", metavar="B", help="the same")
    diff.add_argument("--study", type=Path, help="the study's results, results/<study>")
    diff.add_argument("--all", action="store_true", help="every line, not only the first of each kind")
    diff.add_argument("--json", action="store_true", help="everything as JSON, for other programs")
    diff.set_defaults(run=_diff, refused=2)

    report = commands.add_parser("report", help="render the page of a study again from its gathered content")
    report.add_argument("study", type=Path, help="the study's results, results/<study>")
    report.add_argument(
        "--output", type=Path, help="HTML file to write; report.html of the study if not given"
    )
    report.set_defaults(run=_report, refused=2)
    return parser


def _add_evaluate(commands: Any) -> None:
    evaluate = commands.add_parser(
        "evaluate", help="measure how far a folder of synthetic cines is from a folder of real ones"
    )
    evaluate.add_argument("real", type=Path, metavar="REAL", help="a cohort, or a folder of 4D NIfTI cines")
    evaluate.add_argument("synthetic", type=Path, metavar="SYNTHETIC", help="the same")
    evaluate.add_argument(
        "--output", type=Path, default=Path("evaluation"), help="folder for rows, page and extractor"
    )
    evaluate.add_argument(
        "--extractor",
        default="study",
        metavar="study|inception|FILE.yaml",
        help="study: a masked autoencoder, trained on REAL unless --weights is given; inception: that of the original "
        "FID; a file: settings of any network, as under evaluation.extractors in a study",
    )
    evaluate.add_argument("--weights", type=Path, help="weights of study or inception that exist")
    evaluate.add_argument("--sha256", help="what the hash of --weights must be; required for inception")
    evaluate.add_argument("--iterations", type=_at_least(1), help="training steps of the extractor")
    evaluate.add_argument(
        "--resample", action="store_true", help="bring mixed voxel sizes and frame counts to REAL's median"
    )
    evaluate.add_argument(
        "--size", type=_at_least(8), help="rows and columns to crop to; REAL's median if not given"
    )
    evaluate.add_argument(
        "--minimum", type=_at_least(4), default=4, help="real subjects needed (default 4, the least)"
    )
    evaluate.add_argument("--seed", type=_at_least(0), default=0)
    evaluate.add_argument("--threads", type=_at_least(1), default=os.cpu_count() or 1)
    evaluate.set_defaults(run=_evaluate, refused=2)


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, is {text}")
        return int(text)

    return number


def _phantom(options: argparse.Namespace) -> int:
    from pydantic import ValidationError

    from synthaug.config.phantom import PhantomSettings
    from synthaug.datasets.phantom import write_phantom

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
    from synthaug.validate import validate_cohort, validate_dataset

    if options.dataset == "cohort":
        findings = validate_cohort(options.path)
    else:
        findings = validate_dataset(options.dataset, options.path)
    for finding in findings:
        print(finding)
    print(f"{len(findings)} finding{'' if len(findings) == 1 else 's'} in {options.path}", file=sys.stderr)
    return 1 if findings else 0


def _cost(options: argparse.Namespace) -> int:
    import yaml

    from synthaug.config.study import load_study
    from synthaug.cost import count_subjects, estimate_cost, say_cost

    try:
        content = yaml.safe_load(options.study.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise SynthaugError(
            f"{options.study}: not a readable YAML file; {' '.join(str(error).split())}"
        ) from None
    if not isinstance(content, dict):
        raise SynthaugError(f"{options.study}: holds no keys; give a study file such as config/config.yaml")
    study = load_study(content)
    print(say_cost(study, estimate_cost(study, count_subjects(study), options.results)))
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from synthaug.config.evaluation import EvaluationSettings
    from synthaug.config.features import MaskedAutoencoderSettings
    from synthaug.evaluation import EvaluateOptions, evaluate_folders
    from synthaug.report.evaluation import text_table

    settings = EvaluationSettings(seed=options.seed)
    network = _network(options)
    training = {} if options.iterations is None else {"iterations": options.iterations}
    found = evaluate_folders(
        options.real,
        options.synthetic,
        options.output,
        EvaluateOptions(
            network=network,
            weights=None if network else options.weights,
            sha256=None if network else options.sha256,
            model=MaskedAutoencoderSettings.model_validate(
                {"kind": "masked_autoencoder", "training": training}
            ),
            resample=options.resample,
            size=options.size,
            minimum=options.minimum,
            settings=settings,
            threads=options.threads,
        ),
    )
    print(text_table(found.table, settings.confidence))
    for note in found.notes:
        print(f"note: {note}")
    print(f"rows.csv, rows.parquet and evaluation.html in {options.output}")
    return 0


def _network(options: argparse.Namespace) -> Any:
    """Settings of the network a comparison is told to use; None for the masked autoencoder."""
    import yaml
    from pydantic import TypeAdapter, ValidationError

    from synthaug.config.features import ExtractorSettings

    name = options.extractor
    if name == "study":
        return None
    if name == "inception":
        if options.weights is None or options.sha256 is None:
            raise SynthaugError(
                "--extractor inception needs --weights and --sha256; see docs/metrics.md for the file"
            )
        content: Any = {"kind": name, "weights": str(options.weights), "sha256": options.sha256}
    else:
        if options.weights is not None or options.sha256 is not None:
            raise SynthaugError(
                f"--weights and --sha256: {name} names the file and its hash itself; leave them out"
            )
        try:
            content = yaml.safe_load(Path(name).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            raise SynthaugError(
                f"--extractor {name}: is neither study, inception nor a readable YAML file of settings"
            ) from None
    try:
        network = TypeAdapter(ExtractorSettings).validate_python(content)
    except ValidationError as error:
        finding = error.errors()[0]
        where = ".".join(str(part) for part in finding["loc"])
        raise SynthaugError(f"--extractor {name}: {where}: {finding['msg']}") from None
    if network.kind in ("study", "image_text"):
        raise SynthaugError(
            f"--extractor {name}: kind {network.kind} needs a study around it; give a network of images or clips"
        )
    return network


def _diff(options: argparse.Namespace) -> int:
    from synthaug.difference import as_json, as_text, compare_versions
    from synthaug.versions import find_version

    found = compare_versions(*(find_version(name, options.study) for name in (options.before, options.after)))
    print(as_json(found) if options.json else as_text(found, options.all), end="")
    return 1 if found.rows else 0


def _report(options: argparse.Namespace) -> int:
    from synthaug.report.again import render_again

    page = render_again(options.study, options.output)
    print(f"{page}")
    return 0
