"""YAML files as a user writes them: what YAML would drop or read as something else without a word is refused.

YAML libraries keep the last of two equal keys, read ``012`` as 10 (octal) and ``12:30`` as 750 (sexagesimal), and an
unquoted ``no`` where a name is meant as false. Each of these changes a setting that the user believes to have made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from synthaug.core.errors import SynthaugError

_INTEGER, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_TEXT, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
_OCTAL = re.compile(r"[-+]?0[0-9_]+")


def read_yaml(path: str | Path) -> Any:
    """Content of a YAML or JSON file in which every key counts and every number is what it looks like.

    Parameters
    ----------
    path : path
        A study, settings of an extractor, or a profile. Anchors, aliases and merge keys (``<<``) are followed.

    Raises
    ------
    SynthaugError
        The file cannot be read, or one of `yaml_traps` is in it: one line for each.
    """
    try:
        # JSON may be indented with tabs, which it allows only between its parts.
        text = Path(path).read_text(encoding="utf-8-sig")
        text = text.replace("\t", " ") if text.lstrip().startswith("{") else text
        content = yaml.safe_load(text)
        traps = list(yaml_traps(text))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SynthaugError(f"{path}: not a readable YAML file; {' '.join(str(error).split())}") from None
    if traps:
        raise SynthaugError("\n".join(f"{path}: {trap}" for trap in traps))
    return content


def yaml_traps(text: str, loader_type: Any = yaml.SafeLoader) -> Iterator[str]:
    """One line for each key that stands twice, is no text, or has a number in a base that nobody means.

    Parameters
    ----------
    text : str
        One YAML document.
    loader_type : type
        How it is read; `yaml.BaseLoader` takes every scalar for text.

    Raises
    ------
    yaml.YAMLError
        It is none.
    """
    loader = loader_type(text)
    try:
        root = loader.get_single_node()
        if root is not None:
            yield from _traps_below(root, "", loader, set())
    finally:
        loader.dispose()


def _traps_below(node: yaml.Node, path: str, loader: Any, seen: set[int]) -> Iterator[str]:
    if id(node) in seen:  # an alias
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _traps_below(item, f"{path}.{number}" if path else str(number), loader, seen)
    elif isinstance(node, yaml.MappingNode):
        first: dict[Any, int] = {}
        for key, value in node.value:
            below = f"{path}.{key.value}" if path else str(key.value)
            if key.tag != _MERGE:
                yield from _trap_of_key(key, below, loader, first)
            yield from _traps_below(value, below, loader, seen)
    else:
        yield from _trap_of_number(node, path, loader)


def _trap_of_key(key: yaml.Node, path: str, loader: Any, first: dict[Any, int]) -> Iterator[str]:
    line = key.start_mark.line + 1
    if not isinstance(key, yaml.ScalarNode) or key.tag != _TEXT:
        read = loader.construct_object(key, deep=True) if isinstance(key, yaml.ScalarNode) else "no text"
        yield f"line {line}: key {path} is read as {read!r}, a key is text; put it in quotes"
    elif key.value in first:
        yield (
            f"line {line}: key {path} stands in line {first[key.value]} already, which would be forgotten; "
            "keep one of them"
        )
    else:
        first[key.value] = line


def _trap_of_number(node: yaml.Node, path: str, loader: Any) -> Iterator[str]:
    if not isinstance(node, yaml.ScalarNode) or node.tag not in (_INTEGER, _FLOAT) or node.style:
        return
    octal = node.tag == _INTEGER and _OCTAL.fullmatch(node.value)
    if ":" in node.value or octal:
        base = "octal" if octal else "sexagesimal"
        read = loader.construct_object(node)
        yield (
            f"line {node.start_mark.line + 1}: {path}: {node.value} is read as {read} ({base}); write the number that is "
            "meant, or put text in quotes"
        )
