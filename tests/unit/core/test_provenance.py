"""What is recorded of a run holds nothing of the person who ran it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from checkout import REPOSITORY, SECRET, SECRETS

from synthaug.config.paths import without_home
from synthaug.config.study import load_study
from synthaug.core.provenance import environment, run_record
from synthaug.tables.run_crate import write_crate


@pytest.fixture
def person(monkeypatch, tmp_path):
    """A user with tokens in the environment, and a home folder with a name."""
    home = tmp_path / SECRET.decode()
    home.mkdir()
    for name, value in {**SECRETS, "HOME": str(home), "USER": SECRET.decode()}.items():
        monkeypatch.setenv(name, value)
    return home


def test_tokens_and_the_home_folder_are_in_no_record(person, tmp_path):
    content = yaml.safe_load((REPOSITORY / "config" / "studies" / "tiny.yaml").read_text())
    mine = {"layout": "acdc", "root": "~/data/acdc", "split": True}
    study = load_study({**content, "datasets": {**content["datasets"], "mine": mine}})
    assert study.datasets["mine"].root == f"{person}/data/acdc"  # what jobs read
    declared = without_home(study.model_dump(mode="json"))
    assert load_study(declared) == study
    folder = tmp_path / "tables"
    folder.mkdir()
    record = run_record(declared, REPOSITORY)
    (folder / "configuration.yaml").write_text(yaml.safe_dump(declared))
    (folder / "environment.lock").write_text(environment())
    (folder / "provenance.json").write_text(json.dumps(record))
    write_crate(folder, record)
    written = b"".join(file.read_bytes() for file in folder.iterdir())
    assert b"~/data/acdc" in written and SECRET not in written


def test_only_the_home_folder_itself_is_shortened(person):
    other = f"{person}-other/data"
    assert without_home({"a": [str(person), f"{person}/x", other, 1, None]}) == {
        "a": ["~", "~/x", other, 1, None]
    }
    assert without_home("/data/acdc") == "/data/acdc"


def test_the_record_of_git_names_no_server(tmp_path):
    assert set(run_record({"name": "s"}, tmp_path)["git"]) == {"commit", "dirty", "diff_sha256", "changed"}
    assert not any(
        Path(name).is_absolute() for name in run_record({"name": "s"}, REPOSITORY)["git"]["changed"]
    )


def test_an_edit_in_another_encoding_is_hashed(tmp_path):
    def git(*arguments):
        who = ["-c", "user.name=n", "-c", "user.email=e@x"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True, capture_output=True)

    (tmp_path / "file.txt").write_bytes(b"a\n")
    git("init")
    git("add", "file.txt")
    git("commit", "-m", "m")
    (tmp_path / "file.txt").write_bytes(b"Universit\xe9\n")
    found = run_record({"name": "s"}, tmp_path)["git"]
    assert found["dirty"] and found["changed"] == ["file.txt"] and len(found["diff_sha256"]) == 64
