"""The command that gives what a study trained to other programs."""

from __future__ import annotations

import argparse
from typing import Any

from synthaug.cli.paths import path_argument


def add(commands: Any) -> None:
    """Declare the command."""
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
