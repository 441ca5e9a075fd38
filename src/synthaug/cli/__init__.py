"""The command line: ``synthaug`` or ``python -m synthaug``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from synthaug import __version__
from synthaug.cli import data, edit_masks, evaluate, export, study
from synthaug.core.errors import SynthaugError


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
    for module in (data, edit_masks, evaluate, study, export):
        module.add(commands)
    return parser
