"""What a Python file says: a hash of its code, and its import statements; read and parsed once in a process."""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

Import = ast.Import | ast.ImportFrom


class Syntax(NamedTuple):
    """What counts of a Python file.

    Attributes
    ----------
    sha256 : str
        SHA-256 of the syntax tree without comments, layout, and strings that stand alone, such as docstrings.
    imports : tuple of ast.Import or ast.ImportFrom
        Import statements at any depth, but those for type checkers alone.
    imports_when_asked : tuple of ast.Import or ast.ImportFrom
        Of a module with a function ``__getattr__`` (PEP 562): the statements of its ``if TYPE_CHECKING:`` blocks, which
        say what its names are imported from at their first use. Of another module, none.
    """

    sha256: str
    imports: tuple[Import, ...]
    imports_when_asked: tuple[Import, ...]


@functools.cache
def syntax_of(file: Path) -> Syntax:
    """What a file says; the tree itself, which is many times as large, is not kept."""
    tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    lazy = any(isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in tree.body)
    blocks = [node.body for node in tree.body if _for_type_checkers(node)] if lazy else []
    return Syntax(
        hashlib.sha256(repr(_plain(tree)).encode()).hexdigest(),
        tuple(_run_imports(tree.body)),
        tuple(statement for block in blocks for statement in block if isinstance(statement, Import)),
    )


def _run_imports(statements: Iterable[ast.AST]) -> Iterator[Import]:
    """Import statements that not only type checkers see."""
    for statement in statements:
        if isinstance(statement, Import):
            yield statement
        elif _for_type_checkers(statement):
            yield from _run_imports(statement.orelse)
        else:  # imports stand in blocks, and never within an expression
            for block in ("body", "orelse", "finalbody", "handlers", "cases"):
                yield from _run_imports(getattr(statement, block, ()))


def _for_type_checkers(node: ast.AST) -> TypeGuard[ast.If]:
    """Whether a node is ``if TYPE_CHECKING:`` or ``if typing.TYPE_CHECKING:``."""
    if not isinstance(node, ast.If):
        return False
    test = node.test
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _plain(part: Any) -> Any:
    """A part of a syntax tree as nested tuples and lists of names and values, without positions.

    It says what `ast.dump` says. `repr` writes it faster, and every job and every plan of Snakemake reads hundreds of
    files.
    """
    if isinstance(part, ast.AST):
        return type(part).__name__, *[_plain(getattr(part, field, None)) for field in part._fields]
    if isinstance(part, list):
        return [_plain(item) for item in part if not _is_text(item)]
    return part


def _is_text(statement: Any) -> bool:
    """Whether a statement is only a string."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
