"""Hash of code: what changes it, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthaug.core.code_hash import code_hash, package_code

CODE = """
# A comment.
def double(x):
    'Twice.'
    return 2 * x
"""


def of(tmp_path: Path, folder: str, text: str) -> str:
    path = tmp_path / folder / "module.py"
    path.parent.mkdir()
    path.write_text(text)
    return code_hash([path])


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace("# A comment.", ""),
        CODE.replace("'Twice.'", '"""Two times."""'),
        CODE.replace("    'Twice.'\n", ""),
        CODE.replace("2 * x", "(2\n            * x)  # twice"),
    ],
    ids=["comment", "docstring", "no docstring", "layout"],
)
def test_comments_docstrings_layout_and_folder_do_not_count(tmp_path, other):
    assert other != CODE and of(tmp_path, "b", other) == of(tmp_path, "a", CODE)


@pytest.mark.parametrize("old, new", [("2 * x", "3 * x"), ("2 * x", "x * 2"), ("double", "twice")])
def test_code_counts(tmp_path, old, new):
    assert of(tmp_path, "b", CODE.replace(old, new)) != of(tmp_path, "a", CODE)


def test_a_string_that_is_a_value_counts(tmp_path):
    assert of(tmp_path, "a", "x = 'a'") != of(tmp_path, "b", "x = 'b'")


def test_of_the_package_what_a_module_imports_counts():
    one = package_code(["synthaug.models.autoencoder"])
    assert one == package_code(["synthaug.models.autoencoder"]) != package_code(["synthaug.models.codes"])
