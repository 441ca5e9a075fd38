"""Paths on the command line, read as in a study file."""

from __future__ import annotations

import argparse
from pathlib import Path

from synthaug.config.paths import read_path


def path_argument(text: str) -> Path:
    """A path of the command line: ``~`` is expanded where the shell did not, an empty one is refused."""
    try:
        return Path(read_path(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
