"""The package imports each of its names when it is asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from operator import attrgetter
from pathlib import Path

import pytest

from synthaug import metrics


def test_what_type_checkers_see_is_what_runs() -> None:
    blocks = [node for node in ast.parse(Path(metrics.__file__).read_text()).body if isinstance(node, ast.If)]
    seen = {
        alias.name: node.module
        for node in blocks[0].body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {name: getattr(metrics, name).__module__ for name in metrics.__all__} == seen
    assert set(metrics.__all__) <= set(dir(metrics))


def test_importing_one_metric_imports_no_other() -> None:
    code = "import sys; from synthaug.metrics import dice; print(*[m for m in sys.modules if 'synthaug.metrics.' in m])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["synthaug.metrics.overlap"]


def test_an_unknown_name_is_refused_as_python_does() -> None:
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec("from synthaug.metrics import nothing")
    with pytest.raises(AttributeError, match=r"'synthaug\.metrics' has no attribute 'nothing'"):
        attrgetter("nothing")(metrics)
