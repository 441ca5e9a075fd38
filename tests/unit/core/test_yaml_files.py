"""YAML in which a setting would vanish, or be read as another, is refused by file, line and key."""

from __future__ import annotations

import pytest

from synthaug.core.errors import SynthaugError
from synthaug.core.yaml_files import read_yaml


def read(tmp_path, text, name="study.yaml"):
    (tmp_path / name).write_text(text)
    return read_yaml(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: key a stands in line 1 already"),
        ("a:\n  b: {c: 1, d: 2}\n  b: {}\n", "line 3: key a.b stands in line 2 already"),
        ("a:\n- {b: 1}\n- {b: 1, b: 2}\n", "line 3: key a.1.b stands in line 3 already"),
        ("a: &x {b: 1, b: 2}\nc: *x\n", "line 1: key a.b stands in line 1 already"),
        ("'a': 1\n\"a\": 2\n", "line 2: key a stands in line 1 already"),
        ("no: 1\n", "line 1: key no is read as False"),
        ("1: x\n", "line 1: key 1 is read as 1"),
        ("subjects: [1, 010]\n", "line 1: subjects.1: 010 is read as 8 (octal)"),
        ("runtime: 12:30\n", "line 1: runtime: 12:30 is read as 750 (sexagesimal)"),
        ("a: [1\n", "not a readable YAML file"),
        ("a: 1\n---\na: 2\n", "not a readable YAML file"),
    ],
)
def test_each_trap_is_one_line_with_file_line_and_key(tmp_path, text, said):
    with pytest.raises(SynthaugError) as caught:
        read(tmp_path, text)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{tmp_path / 'study.yaml'}: ") and said in line


def test_all_of_them_are_said_at_once(tmp_path):
    with pytest.raises(SynthaugError) as caught:
        read(tmp_path, "a: 1\na: 2\nb: {c: 010}\n")
    assert len(str(caught.value).splitlines()) == 2


def test_anchors_merge_keys_quotes_and_plain_numbers_are_as_ever(tmp_path):
    text = "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {<<: [*x, {c: 4}]}\nt: ['010', \"12:30\", 0, 1_000, 1.5, off]\n"
    assert read(tmp_path, text) == {
        "x": {"a": 1, "b": 2},
        "y": {"a": 1, "b": 3},
        "z": {"a": 1, "b": 2, "c": 4},
        "t": ["010", "12:30", 0, 1000, 1.5, False],
    }


def test_json_counts_too_and_may_have_tabs(tmp_path):
    assert read(tmp_path, '{\n\t"a": {"b": 1}\n}', "study.json") == {"a": {"b": 1}}
    with pytest.raises(SynthaugError, match="line 2: key a stands in line 1"):
        read(tmp_path, '{"a": 1,\n\t"a": 2}', "study.json")


def test_bytes_that_are_no_text_are_one_line(tmp_path):
    (tmp_path / "study.yaml").write_bytes(b"a: \xff\n")
    with pytest.raises(SynthaugError, match=r"study\.yaml: not a readable YAML file"):
        read_yaml(tmp_path / "study.yaml")
