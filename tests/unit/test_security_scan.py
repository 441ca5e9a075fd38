"""No file of the project uses what runs code or formulas out of data, but where a reason is given here.

Names are resolved through the imports of a file, so that ``from torch import load as read`` is found as well. Rules of the
workflow, which are no Python, are searched as text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    file for folder in ("src", "workflow", "benchmarks") for file in (ROOT / folder).rglob("*.py")
)
RULES = [ROOT / "Snakefile", *sorted((ROOT / "workflow").rglob("*.smk"))]

#: Modules whose import alone is worth a look.
MODULES = frozenset(
    [
        "cPickle",
        "dill",
        "ftplib",
        "http.client",
        "http.server",
        "joblib",
        "marshal",
        "pickle",
        "requests",
        "runpy",
        "shelve",
        "smtplib",
        "socket",
        "telnetlib",
        "urllib.request",
        "xmlrpc",
        "xml.dom",
        "xml.etree",
        "xml.etree.ElementTree",
        "xml.sax",
    ]
)
#: Calls that are refused, whatever their arguments.
CALLS = frozenset(
    [
        "__import__",
        "compile",
        "eval",
        "exec",
        "csv.DictWriter",
        "csv.writer",
        "importlib.import_module",
        "importlib.util.spec_from_file_location",
        "numpy.fromregex",
        "os.popen",
        "os.system",
        "pandas.eval",
        "pandas.read_pickle",
        "pydoc.locate",
        "shutil.unpack_archive",
        "subprocess.getoutput",
        "subprocess.getstatusoutput",
        "tempfile.mktemp",
        "torch.hub.load",
        "torch.jit.load",
        "torch.package.PackageImporter",
        "yaml.full_load",
        "yaml.full_load_all",
        "yaml.load",
        "yaml.load_all",
        "yaml.unsafe_load",
        "yaml.unsafe_load_all",
    ]
)
#: Methods that are refused of any object; `eval` with any argument, since networks have one without.
METHODS = frozenset(
    ["extractall", "find_class", "read_pickle", "to_clipboard", "to_csv", "to_excel", "to_pickle"]
)
WITH_ARGUMENTS = frozenset({"eval"})

#: Where, what, and why it is right there.
ALLOWED = {
    ("src/synthaug/jobs/debug_job.py", "runpy"): "runs a script of the workflow",
    (
        "src/synthaug/core/plugins.py",
        "importlib.import_module",
    ): "the one door for code from outside: `load_class`",
    ("src/synthaug/core/spreadsheets.py", "to_csv"): "the one writer of tables of text",
    (
        "src/synthaug/config/plugin_checks.py",
        "importlib.import_module",
    ): "imports base classes of the package by name",
    (
        "src/synthaug/features/torchscript.py",
        "torch.jit.load",
    ): "after the file's SHA-256 was compared with the study's",
    (
        "src/synthaug/features/weights.py",
        "pickle",
    ): "the name of an error; weights are loaded with weights_only",
    ("src/synthaug/metrics/__init__.py", "importlib.import_module"): "imports modules of the package by name",
    (
        "src/synthaug/models/open_clip_folder.py",
        "pickle",
    ): "the name of an error; weights are loaded with weights_only",
    ("src/synthaug/phantom/dicom_layouts.py", "csv.writer"): "texts of the simulator",
    ("src/synthaug/phantom/dicom_layouts.py", "csv.DictWriter"): "texts of the simulator",
    ("src/synthaug/phantom/mnms2_writer.py", "csv.DictWriter"): "texts of the simulator",
    ("src/synthaug/phantom/writers.py", "csv.writer"): "texts of the simulator",
    ("src/synthaug/report/flag.py", "importlib.import_module"): "imports modules of the package by name",
    ("src/synthaug/report/section.py", "importlib.import_module"): "imports modules of the package by name",
    ("src/synthaug/report/summary_formats.py", "csv.writer"): "its texts pass `without_formulas`",
    (
        "src/synthaug/runs.py",
        "csv.writer",
    ): "names of the study and paths below results, which begin with a letter",
    (
        "src/synthaug/tasks/segmentation/nnunet_classes.py",
        "pydoc.locate",
    ): "of packages of nnU-Net only, calls nothing",
    (
        "src/synthaug/tasks/segmentation/pickles.py",
        "pickle",
    ): "the unpickler that knows arrays and nothing else",
    ("src/synthaug/tasks/segmentation/pickles.py", "find_class"): "refuses every other name before it",
    ("benchmarks/large_report.py", "to_csv"): "made-up rows of a benchmark",
}


def uses(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """What a module uses that is refused or needs a reason, with its lines."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
                if alias.name in MODULES:
                    yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            if node.module in MODULES:
                yield node.module, node.lineno
            yield from (
                (f"{node.module}.{alias.name}", node.lineno)
                for alias in node.names
                if f"{node.module}.{alias.name}" in MODULES
            )
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from ((found, node.lineno) for found in _refused(node, names))


def _refused(call: ast.Call, names: dict[str, str]) -> Iterator[str]:
    name = _dotted(call.func, names)
    keywords = {keyword.arg: getattr(keyword.value, "value", ...) for keyword in call.keywords}
    if name in CALLS:
        yield name
    if name == "torch.load" and keywords.get("weights_only") is not True:
        yield name
    if (
        name in ("numpy.load", "numpy.lib.format.read_array")
        and keywords.get("allow_pickle", False) is not False
    ):
        yield name
    if name.startswith(("os.exec", "os.spawn")):
        yield name
    if keywords.get("shell", False) is not False:
        yield f"{name}(shell)"
    if name == "jinja2.Environment" and keywords.get("autoescape") is not True:
        yield name
    if isinstance(call.func, ast.Attribute):
        method = call.func.attr
        if method in METHODS or (method in WITH_ARGUMENTS and (call.args or call.keywords)):
            yield method


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, names)}.{node.attr}"
    return names.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def test_every_use_has_a_reason_and_every_reason_a_use():
    found: dict[tuple[str, str], int] = {}
    for file in SOURCES:
        for name, line in uses(ast.parse(file.read_text(encoding="utf-8"))):
            found[file.relative_to(ROOT).as_posix(), name] = line
    unexplained = [
        f"{file}:{line}: {name}" for (file, name), line in found.items() if (file, name) not in ALLOWED
    ]
    assert not unexplained, "use a safe way, or give a reason above: " + ", ".join(unexplained)
    assert not set(ALLOWED) - set(found), "no longer used"
    assert all(ALLOWED.values())


def test_rules_of_the_workflow_run_no_shell_and_load_nothing():
    refused = re.compile(
        r"\b(shell|pickle|torch\.load|yaml\.(unsafe_|full_)?load|eval|exec|os\.system|subprocess|import_module)\b(?=\s*[:(.])"
    )
    for file in RULES:
        code = re.sub(r"#.*|\"[^\"\n]*\"", "", file.read_text(encoding="utf-8"))
        assert not refused.findall(code), file


@pytest.mark.parametrize(
    "code, name",
    [
        ("import torch as t\nt.load(f)", "torch.load"),
        ("from torch import load as read\nread(f, weights_only=False)", "torch.load"),
        ("import numpy as np\nnp.load(f, allow_pickle=True)", "numpy.load"),
        ("import numpy as np\nnp.load(f, allow_pickle=given)", "numpy.load"),
        ("from yaml import load\nload(f)", "yaml.load"),
        ("import pickle", "pickle"),
        ("from pickle import loads", "pickle"),
        ("import subprocess\nsubprocess.run(c, shell=True)", "subprocess.run(shell)"),
        ("eval(text)", "eval"),
        ("frame.eval('a > 1')", "eval"),
        ("import jinja2\njinja2.Environment(loader=l)", "jinja2.Environment"),
        ("with open_it() as archive:\n    archive.extractall(x)", "extractall"),
        ("import pandas as pd\npd.DataFrame(rows).to_csv(f)", "to_csv"),
        ("from importlib import import_module as i\ni(name)", "importlib.import_module"),
        ("from xml import etree", "xml.etree"),
        ("import os\nos.execv(a, b)", "os.execv"),
    ],
)
def test_the_scan_finds(code, name):
    assert name in dict(uses(ast.parse(code)))


def test_the_scan_lets_pass():
    code = (
        "import numpy as np, torch, yaml\nnp.load(f)\nnp.load(f, allow_pickle=False)\nnetwork.eval()\n"
        "torch.load(f, weights_only=True)\nyaml.safe_load(f)\nimport subprocess\nsubprocess.run(['git'])\nre.compile(x)"
    )
    assert not list(uses(ast.parse(code)))


def test_the_tests_that_the_page_names_exist():
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/\S+\.py)(?: -k (\w+))?`", page)
    assert len(named) > 15
    for file, word in named:
        assert re.search(rf"def test_\w*{word}", (ROOT / file).read_text(encoding="utf-8")), (file, word)
