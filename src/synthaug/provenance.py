"""Where a result comes from: code, environment, configuration, machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from synthaug import __version__
from synthaug.artifacts import sha256_file, sha256_json

#: Packages whose versions can change a number.
PACKAGES = ("torch", "nnunetv2", "monai", "numpy", "scipy", "pandas", "nibabel", "snakemake", "scikit-image")


def run_record(configuration: dict[str, Any], repository: str | Path) -> dict[str, Any]:
    """Everything that identifies the run behind a result table.

    Parameters
    ----------
    configuration : dict
        The resolved study.
    repository : path
        Root of the working copy.

    Returns
    -------
    dict
        JSON-able; `created` is the only field that differs between two runs of the same
        study with the same code on the same machine.
    """
    lock = Path(repository) / "envs" / "requirements.lock"
    return {
        "study": configuration["name"],
        "configuration_sha256": sha256_json(configuration),
        "synthaug": __version__,
        "git": git_state(repository),
        "lock_sha256": sha256_file(lock) if lock.is_file() else None,
        "python": platform.python_version(),
        "packages": {package: importlib.metadata.version(package) for package in PACKAGES},
        "machine": {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def git_state(repository: str | Path) -> dict[str, Any]:
    """Commit and whether tracked files differ from it; empty outside a git checkout."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(repository), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "-uno"))}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}
