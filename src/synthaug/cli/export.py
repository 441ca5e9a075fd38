"""Commands that give what a study trained to other programs and machines, and use it there."""

from __future__ import annotations

import argparse
from typing import Any

from synthaug.cli.numbers import at_least
from synthaug.cli.paths import path_argument


def add(commands: Any) -> None:
    """Declare the commands."""
    export = commands.add_parser(
        "export",
        help="write a trained segmenter as a model folder that nnUNetv2_predict_from_modelfolder loads",
    )
    export.add_argument(
        "model",
        type=path_argument,
        help="folder 'model' of a training: results/<study>/tasks/<task>/.../model",
    )
    export.add_argument(
        "--trainer",
        metavar="module:Class",
        help="trainer from outside nnU-Net that the study named; its code is imported only if it is given",
    )
    export.add_argument("output", type=path_argument, help="folder to write; it must not exist")
    export.set_defaults(run=_export)
    _add_generator(commands)
    _add_synthesise(commands)


def _add_generator(commands: Any) -> None:
    export = commands.add_parser(
        "export-generator",
        help="write a trained generator as a folder for other machines: weights, configuration, and a card with data and measures",
    )
    export.add_argument(
        "generator",
        type=path_argument,
        help="results/<study>/generators/<generator>/fold-<fold>/generator-seed-<seed>",
    )
    export.add_argument("output", type=path_argument, help="folder to write; it must not exist")
    export.add_argument(
        "--licence", required=True, help="of the weights, for the card: an SPDX identifier or a sentence"
    )
    export.set_defaults(run=_export_generator)


def _add_synthesise(commands: Any) -> None:
    synthesise = commands.add_parser(
        "synthesise",
        help="make cines with a trained generator, exported or of a study, from a table of requests",
    )
    synthesise.add_argument("generator", type=path_argument, help="folder with a generator.json")
    synthesise.add_argument(
        "requests",
        type=path_argument,
        help="TSV of requests, or a folder of requests or of a cohort with masks",
    )
    synthesise.add_argument("output", type=path_argument, help="cohort folder to write; it must not exist")
    synthesise.add_argument("--seed", type=at_least(0), default=0, help="the same seed gives the same cines")
    synthesise.add_argument("--batch-size", type=at_least(1), default=1, help="requests worked on together")
    synthesise.add_argument(
        "--plugin",
        action="append",
        default=[],
        metavar="module:Class",
        help="model or generator from outside the package that may be imported; repeat for several",
    )
    synthesise.set_defaults(run=_synthesise)


def _export(options: argparse.Namespace) -> int:
    from synthaug.core.plugins import name_plugins
    from synthaug.tasks.segmentation.export import export_nnunet_model

    name_plugins([options.trainer] if options.trainer else [])
    export_nnunet_model(options.model, options.output)
    print(f"nnUNetv2_predict_from_modelfolder -m {options.output} -f 0 -i IMAGES -o PREDICTIONS")
    decision = options.output / "postprocessing.pkl"
    if decision.is_file():
        print(f"nnUNetv2_apply_postprocessing -i PREDICTIONS -o POSTPROCESSED -pp_pkl_file {decision}")
    return 0


def _export_generator(options: argparse.Namespace) -> int:
    from synthaug.release.export import export_generator

    card = export_generator(options.generator, options.output, options.licence)
    print(
        f"{options.output}: {card['generator']}, {len(card['models'])} weight files; its card: {options.output / 'README.md'}"
    )
    if not card["measured"]:
        print("The card has no measures: the study has no result table yet.")
    return 0


def _synthesise(options: argparse.Namespace) -> int:
    from synthaug.core.plugins import name_plugins
    from synthaug.jobs.progress import progress
    from synthaug.release.synthesise import synthesise

    name_plugins(options.plugin)
    made = synthesise(
        options.generator,
        options.requests,
        options.output,
        seed=options.seed,
        batch_size=options.batch_size,
        progress=progress("subjects"),
    )
    print(
        f"{options.output}: {len(made.subjects)} cines passed quality control; every sample: {options.output / 'attempts.tsv'}"
    )
    return 0
