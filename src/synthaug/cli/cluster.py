"""The command about the cluster that this machine belongs to."""

from __future__ import annotations

import argparse
from typing import Any


def add(commands: Any) -> None:
    """Declare the command."""
    check = commands.add_parser(
        "slurm-check",
        help="what this Slurm cluster offers, and the lines of profiles/slurm/config.yaml for it",
    )
    check.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> int:
    from synthaug.preflight.slurm_offer import describe_cluster

    print(describe_cluster())
    return 0
