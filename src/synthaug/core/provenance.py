"""Where a result comes from: code, environment, configuration, machine, seeds."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from synthaug import __version__
from synthaug.core.artifacts import sha256_file, sha256_json

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
        "machine": machine(),
        "seeds": dict(seeds_of(configuration)),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def git_state(repository: str | Path) -> dict[str, Any]:
    """Commit, whether tracked files differ from it, and which; empty outside a git checkout.

    Returns
    -------
    dict
        ``commit``, ``dirty``, ``diff_sha256`` (of the difference from the commit, None where there is
        none) and ``changed`` (files that differ).
    """

    def git(*arguments: str) -> bytes:  # files and their names may be in any encoding
        command = ["git", "-C", str(repository), *arguments]
        return subprocess.run(command, capture_output=True, check=True).stdout.strip()

    try:
        commit = git("rev-parse", "HEAD").decode()
        names = git("diff", "--name-only", "-z", "HEAD").split(b"\0")
        changed = [name.decode(errors="replace") for name in names if name]
        digest = hashlib.sha256(git("diff", "--binary", "HEAD")).hexdigest() if changed else None
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None, "diff_sha256": None, "changed": []}
    return {"commit": commit, "dirty": bool(changed), "diff_sha256": digest, "changed": changed}


def machine() -> dict[str, Any]:
    """Operating system, processor and cores of the machine that collates; each training has its own."""
    return {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()}


def seeds_of(configuration: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every seed of a configuration: dotted path and value of each key that ends in ``seed`` or ``seeds``."""
    if isinstance(configuration, dict):
        for key, value in configuration.items():
            below = f"{path}.{key}" if path else str(key)
            if key.endswith(("seed", "seeds")):
                yield below, value
            else:
                yield from seeds_of(value, below)
    elif isinstance(configuration, list):
        for number, value in enumerate(configuration):
            yield from seeds_of(value, f"{path}.{number}")


def environment() -> str:
    """Every Python package installed here with its version, ``name==version``, one a line, sorted."""
    names: dict[str, str] = {}
    for package in importlib.metadata.distributions():
        name = package.metadata["Name"]
        if name:  # a broken installation has none
            names.setdefault(name.lower().replace("_", "-"), package.version)
    return "".join(f"{name}=={version}\n" for name, version in sorted(names.items()))
