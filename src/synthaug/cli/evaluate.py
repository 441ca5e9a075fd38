"""The command that compares two folders of cines."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from synthaug.cli.numbers import at_least
from synthaug.cli.paths import path_argument
from synthaug.core.errors import SynthaugError


def add(commands: Any) -> None:
    """Declare the command."""
    evaluate = commands.add_parser(
        "evaluate", help="measure how far a folder of synthetic cines is from a folder of real ones"
    )
    evaluate.add_argument(
        "real", type=path_argument, metavar="REAL", help="a cohort, or a folder of 4D NIfTI cines"
    )
    evaluate.add_argument("synthetic", type=path_argument, metavar="SYNTHETIC", help="the same")
    evaluate.add_argument(
        "--output", type=path_argument, default=Path("evaluation"), help="folder for rows, page and extractor"
    )
    evaluate.add_argument(
        "--extractor",
        default="study",
        metavar="study|inception|FILE.yaml",
        help="study: a masked autoencoder, trained on REAL unless --weights is given; inception: that of the original "
        "FID; a file: settings of any network, as under evaluation.extractors in a study",
    )
    evaluate.add_argument("--weights", type=path_argument, help="weights of study or inception that exist")
    evaluate.add_argument(
        "--sha256", type=str.lower, help="what the hash of --weights must be; required for inception"
    )
    evaluate.add_argument("--iterations", type=at_least(1), help="training steps of the extractor")
    evaluate.add_argument(
        "--resample", action="store_true", help="bring mixed voxel sizes and frame counts to REAL's median"
    )
    evaluate.add_argument(
        "--size", type=at_least(8), help="rows and columns to crop to; REAL's median if not given"
    )
    evaluate.add_argument("--minimum", type=at_least(4), default=4, help="real subjects needed, 4 or more")
    evaluate.add_argument(
        "--seed", type=at_least(0), default=0, help="of draws and of the extractor's training"
    )
    evaluate.add_argument("--threads", type=at_least(1), default=os.cpu_count() or 1, help="CPU threads")
    evaluate.set_defaults(run=_evaluate, refused=2)


def _evaluate(options: argparse.Namespace) -> int:
    from synthaug.compare_folders import EvaluateOptions, evaluate_folders
    from synthaug.config.evaluation import EvaluationSettings
    from synthaug.config.features import MaskedAutoencoderSettings
    from synthaug.report.evaluation import text_table

    settings = EvaluationSettings(seed=options.seed)
    network = _network(options)
    if options.iterations is not None and (network or options.weights):
        raise SynthaugError(
            "--iterations: no extractor is trained where --weights or another --extractor is given; leave it out"
        )
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
    """Settings of the network given on the command line; None for the masked autoencoder."""
    from pydantic import TypeAdapter, ValidationError

    from synthaug.config.features import ExtractorSettings
    from synthaug.core.yaml_files import read_yaml

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
        if not Path(name).is_file():
            raise SynthaugError(
                f"--extractor {name}: is neither study, inception nor a readable YAML file of settings"
            )
        content = read_yaml(name)
    try:
        network = TypeAdapter(ExtractorSettings).validate_python(content)
    except ValidationError as error:
        finding = error.errors()[0]
        where = ".".join(str(part) for part in finding["loc"])
        raise SynthaugError(f"--extractor {name}: {where}: {finding['msg']}") from None
    if network.kind in ("study", "study_text", "image_text"):
        raise SynthaugError(
            f"--extractor {name}: kind {network.kind} needs a study around it; give a network of images or clips"
        )
    return network
