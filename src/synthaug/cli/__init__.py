"""The command line: ``synthaug`` or ``python -m synthaug``."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from synthaug import __version__
from synthaug.cli import cluster, data, edit_masks, evaluate, export, study, upkeep
from synthaug.core.disk import as_cannot_write
from synthaug.core.errors import SynthaugError
from synthaug.core.memory import as_out_of_memory
from synthaug.jobs.interruption import ending_in_order


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        0 done and clean; 1 findings, differences, or an error of one line; 2 unusable arguments, and for
        `evaluate`, `diff` and `report` data that cannot be used.
    """
    options = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal's encoding may lack a sign
            stream.reconfigure(errors="replace")
    try:
        with ending_in_order():
            code = int(options.run(options))
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Who read the output has read enough, such as `head`. What is left must not fail at the end of the process.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SynthaugError as error:
        said: SynthaugError | None = error
    except Exception as error:  # libraries write, too, and raise errors of their own
        said = as_out_of_memory(error) or as_cannot_write(
            error, str(getattr(options, "output", None) or "the temporary folder")
        )
        if said is None:
            raise
    for line in str(said).splitlines():
        print(f"synthaug: {line}", file=sys.stderr)
    return int(options.refused)


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Help that says the default of each option that has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default is False or action.default == []:
            return action.help
        return super()._get_help_string(action)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="synthaug",
        description="Augmentation studies in 4D cardiac cine MRI. A whole study runs with snakemake; see the README.",
    )
    parser.add_argument("--version", action="version", version=f"synthaug {__version__}")
    parser.set_defaults(refused=1)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for module in (data, edit_masks, evaluate, study, upkeep, export, cluster):
        module.add(commands)
    for command in commands.choices.values():
        command.formatter_class = _Help
    return parser
