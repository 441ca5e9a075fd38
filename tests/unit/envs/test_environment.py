"""One lock: conda users get the same versions, and no address of a package index is in it."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
LOCK = (REPOSITORY / "envs" / "requirements.lock").read_text()


def test_the_conda_environment_is_what_the_lock_says():
    spec = importlib.util.spec_from_file_location("make_conda_env", REPOSITORY / "envs" / "make_conda_env.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (REPOSITORY / "envs" / "synthaug.yaml").read_text()
    assert written == module.environment(), "run python envs/make_conda_env.py"
    assert set(re.findall(r"'([\w.-]+==[\w.!+-]+)", written)) == set(
        re.findall(r"^([\w.-]+==[\w.!+-]+)", LOCK, re.M)
    )


def test_every_requirement_has_a_hash_and_no_address():
    entries = re.split(r"\n(?=[A-Za-z0-9])", LOCK.strip())
    assert len(entries) > 100
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"https?://|--index|--find-links", LOCK)


def test_what_the_package_declares_is_locked():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    declared = project["dependencies"] + project["optional-dependencies"]["test"]
    locked = {name.lower() for name in re.findall(r"^([\w.-]+)==", LOCK, re.M)}
    for requirement in declared:
        assert re.match(r"[\w.-]+", requirement).group().lower() in locked, requirement
