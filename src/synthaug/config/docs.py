"""Documentation and schema of the configuration, written from the types that check it.

``python -m synthaug.config.docs`` writes ``config/README.md`` and
``workflow/schemas/study.schema.json``; a test holds both equal to the types.
"""

from __future__ import annotations

import json
import types
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from synthaug.config.base import own_defaults
from synthaug.config.study import NAMED_SECTIONS, StudySettings

REPOSITORY = Path(__file__).parents[3]
INTRODUCTION = """\
# Configuration, key by key

A study is one file. `config/config.yaml` is the default study; others lie in `config/studies/` and
are chosen with `--configfile`, which replaces the default. Single keys are changed on the command
line: `--config 'datasets={"acdc": {"root": "/data/ACDC"}}'`. An unknown key is an error that names
the nearest right one, a key that stands twice one that names both lines. Paths may begin with `~`; text that YAML would
read as something else (`no`, `on`, `010`, `12:30`) stands in quotes. The study file describes the experiment; machine settings (cores, partitions, limits) are in
`profiles/`.

The default of a section says what differs, in this place, from the defaults in the section's own table below. A section that is given
in part keeps the rest of both.

Entries of `SECTIONS` are named and may inherit from one another; what the entry says wins,
lists are replaced whole. An ablation is such a variant, and only what it changes is run again:

```yaml
models:
  motion: {kind: motion_diffusion, needs: {autoencoder: autoencoder}}
  motion-fast: {inherits: motion, training: {iterations: 500}}
generators:
  cascade: {kind: cascade, models: {autoencoder: autoencoder, anatomy: anatomy, motion: motion}}
  cascade-fast: {inherits: cascade, models: {motion: motion-fast}}
```

*This page is written by `python -m synthaug.config.docs` from the types that check a study; do not
edit it by hand.*
"""


def readme() -> str:
    """The text of config/README.md."""
    lines = [INTRODUCTION.replace("SECTIONS", "`, `".join(NAMED_SECTIONS))]
    for heading, settings in _sections("study", StudySettings, set()):
        lines += [f"## {heading}\n", f"{(settings.__doc__ or '').strip().splitlines()[0]}\n"]
        lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
        for key, field in settings.model_fields.items():
            lines.append(
                f"| `{field.alias or key}` | {_type(field.annotation)} | {_default(field)} | {_cell(field.description)} |"
            )
        lines.append("")
    return "\n".join(lines)


def schema() -> str:
    """JSON schema of the study file, for editors that complete and check as one types."""
    return json.dumps(StudySettings.model_json_schema(), indent=2) + "\n"


def _sections(heading: str, settings: type[BaseModel], seen: set[type]) -> list[tuple[str, type[BaseModel]]]:
    """The section and all sections below it, each once, in the order of the keys."""
    if settings in seen:
        return []
    seen.add(settings)
    found = [(heading, settings)]
    for key, field in settings.model_fields.items():
        for inner, named in _models_in(field.annotation):
            below = f"{heading}.{key}" if heading != "study" else key
            discriminator = "layout" if "layout" in inner.model_fields else "kind"
            kind = inner.model_fields.get(discriminator)
            label = f"{below}.&lt;name&gt;" if named else below
            if kind is not None and typing.get_args(kind.annotation):
                label += f" ({discriminator}: {typing.get_args(kind.annotation)[0]})"
            found += _sections(label, inner, seen)
    return found


def _models_in(annotation: Any, named: bool = False) -> list[tuple[type[BaseModel], bool]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [(annotation, named)]
    named = named or typing.get_origin(annotation) is dict
    return [pair for inner in typing.get_args(annotation) for pair in _models_in(inner, named)]


def _type(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(arguments[0])
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(
            dict.fromkeys("none" if inner is type(None) else _type(inner) for inner in arguments)
        )
    if origin in (tuple, list):
        inner = list(dict.fromkeys(_type(argument) for argument in arguments if argument is not Ellipsis))
        count = "" if Ellipsis in arguments or origin is list else f"{len(arguments)} x "
        return f"list of {count}{' or '.join(inner)}"
    if origin is dict:
        return f"name: {_type(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    return {"str": "text", "float": "number", "int": "integer", "bool": "yes/no", "Any": "anything"}.get(
        getattr(annotation, "__name__", ""), str(annotation)
    )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        suited = own_defaults(field)
        return f"`{json.dumps(suited)}`" if suited else ""
    if value is PydanticUndefined:
        return ""
    return "none" if value is None else f"`{json.dumps(value, default=_plain)}`"


def _plain(value: Any) -> Any:
    """A section within a value, as a file has it."""
    return value.model_dump(mode="json", exclude_defaults=True) | {"kind": value.kind}


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    (REPOSITORY / "config" / "README.md").write_text(readme(), encoding="utf-8")
    (REPOSITORY / "workflow" / "schemas" / "study.schema.json").write_text(schema(), encoding="utf-8")
