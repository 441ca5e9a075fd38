"""Variants: an entry that inherits another and changes some of its keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthaug.core.errors import SynthaugError


def resolve_inheritance(section: str, entries: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Replace ``inherits: parent`` in each entry by the parent's keys, the entry's own on top.

    Parameters
    ----------
    section : str
        Name of the section, for messages.
    entries : mapping of str to mapping
        Raw entries as read from the study file.

    Raises
    ------
    SynthaugError
        An entry has no keys, a parent does not exist or the chain of parents closes on itself.
    """

    def resolve(name: str, chain: tuple[str, ...]) -> dict[str, Any]:
        if name in chain:
            raise SynthaugError(
                f"config: {section}: {' inherits '.join(map(str, (*chain, name)))}; remove the cycle"
            )
        if not isinstance(entries[name] or {}, Mapping):
            raise SynthaugError(f"config: {section}.{name}: is {entries[name]!r}; write its keys below it")
        entry = dict(entries[name] or {})
        parent = entry.pop("inherits", None)
        if parent is None:
            return entry
        if not isinstance(parent, str) or parent not in entries:
            raise SynthaugError(
                f"config: {section}.{name}: inherits {parent!r}, which is not in {section}; "
                f"known are {', '.join(map(str, entries))}"
            )
        return merge(resolve(parent, (*chain, name)), entry)

    return {name: resolve(name, ()) for name in entries}


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Merge nested mappings; what `changes` says wins, lists are replaced whole."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(merged.get(key), Mapping) and isinstance(value, Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged
