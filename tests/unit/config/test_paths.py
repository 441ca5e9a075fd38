"""Paths and words of a study file: home folders, empty paths, and what YAML made of a word."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from synthaug.config.paths import paths_of, read_path
from synthaug.config.study import load_study
from synthaug.core.errors import SynthaugError

TINY = Path(__file__).parents[3] / "config" / "studies" / "tiny.yaml"


def study(**changes):
    return yaml.safe_load(TINY.read_text()) | changes


def dataset(**keys):
    return study(datasets={"clinic": {"layout": "nifti", **keys}})


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("~/data", "/home/me/data"),
        ("~", "/home/me"),
        ("a//b/", "a/b"),
        ("./a", "a"),
        ("/my data/ü {1}", "/my data/ü {1}"),
        ("../a", "../a"),
    ],
)
def test_a_path_is_read_as_a_shell_would(monkeypatch, text, path):
    monkeypatch.setenv("HOME", "/home/me")
    assert read_path(text) == path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the path is empty"),
        (" \t", "the path is empty"),
        ("$DATA/x", r"variables such as \$DATA are not expanded"),
        ("/data/${USER}", r"such as \$\{USER\} are not"),
        ("~nobody-here/x", "~ cannot be expanded"),
        ("a\nb", "line break"),
    ],
)
def test_what_names_no_file_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        read_path(text)


def test_a_folder_with_a_dollar_in_its_name_is_one(tmp_path):
    (tmp_path / "$x").mkdir()
    assert read_path(f"{tmp_path}/$x") == f"{tmp_path}/$x"


def test_every_path_of_a_study_is_read_so(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    content = dataset(root="~/raw", reports={"table": "~/r.csv", "id": "id", "text": "text"})
    content["generators"] |= {"theirs": {"kind": "external", "folder": "~/made"}}
    content["evaluation"] = {
        "extractors": {"fid": {"kind": "inception", "weights": "~/w.pth", "sha256": "0" * 64}}
    }
    assert dict(paths_of(load_study(content))) == {
        "datasets.clinic.root": "/home/me/raw",
        "datasets.clinic.reports.table": "/home/me/r.csv",
        "generators.theirs.folder": "/home/me/made",
        "evaluation.extractors.fid.weights": "/home/me/w.pth",
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (dataset(root=""), "config: datasets.clinic.root: the path is empty"),
        (dataset(root=None), "config: datasets.clinic: a dataset has either a root or a phantom"),
        (study(name=False), "config: name: Input should be a valid string, is False; put text in quotes"),
        (dataset(root="/a", vendor=7), "datasets.clinic.vendor: Input should be a valid string, is 7;"),
        (dataset(root="/a", minimum_subjects=True), "minimum_subjects: a number belongs here"),
        (study(split={"scheme": False}), "config: split.scheme: Input should be"),
    ],
)
def test_a_refused_setting_shows_what_was_read(content, said):
    with pytest.raises(SynthaugError) as caught:
        load_study(content)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("read", "meant"), [(False, "off"), (True, "on"), ("auto", "auto")])
def test_an_unquoted_on_or_off_is_the_word(read, meant):
    content = study()
    content["models"]["autoencoder"]["training"]["compile"] = read
    assert load_study(content).models["autoencoder"].training.compile == meant
