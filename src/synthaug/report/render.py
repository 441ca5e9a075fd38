"""From gathered content to one self-contained page."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from synthaug.core.artifacts import read_json, write_text
from synthaug.report import sections, wording
from synthaug.report.files import FOLDER
from synthaug.report.plots.panel import with_unique_ids

if TYPE_CHECKING:
    from jinja2 import Environment

#: The page; its style sheet and its script lie beside it, the templates of its sections below it.
TEMPLATE = FOLDER / "report.html.j2"


def render(content: Path, output: Path, template: Path = TEMPLATE) -> None:
    """Render the page.

    Parameters
    ----------
    content : Path
        Folder that `gather_content` wrote.
    output : Path
        HTML file to write. It needs no network and no other file: pictures, style and
        script are inside, and its content security policy forbids to load anything else
        and to run any script but its own.
    template : Path
        Jinja template; ``report.css`` and ``report.js`` lie beside it. Text is escaped.

    Raises
    ------
    jinja2.UndefinedError
        The content was gathered for another version of the templates.
    """
    from markupsafe import Markup

    assets = content / "assets"

    def svg(panel: dict[str, str]) -> Markup:
        """The drawing inline, so that it takes the colours of the page."""
        text = (assets / panel["file"]).read_text(encoding="utf-8")
        text = with_unique_ids(text, Path(panel["file"]).stem)
        described = Markup('<svg role="img" aria-label="{}: {}" ').format(panel["title"], panel["alt"])
        return described + Markup(
            text.replace(' xmlns="http://www.w3.org/2000/svg"', "").removeprefix("<svg ")
        )

    def data_uri(name: str) -> str:
        kind = "jpeg" if name.endswith(".jpg") else "png"
        return f"data:image/{kind};base64," + base64.b64encode((assets / name).read_bytes()).decode()

    environment = make_environment(template.parent)
    environment.filters |= {"svg": svg, "data_uri": data_uri}
    style = template.with_name("report.css").read_text(encoding="utf-8")
    script = template.with_name("report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = environment.get_template(template.name).render(
        read_json(content / "content.json"),
        style=Markup(style),
        script=Markup(script),
        script_sha256=digest,
    )
    write_text(output, page)


def make_environment(folder: Path) -> Environment:
    """Jinja for all pages: text is escaped, an unknown name is an error, numbers have one format."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([folder, *(Path(path).parent for path in sections.__path__)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": wording.number,
        "p_value": wording.p_value,
        "counted": wording.counted,
        "yaml": _yaml,
        "duration": _duration,
    }
    return environment


def _yaml(value: Any) -> str:
    """A nested value as the YAML that a study file would have."""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)


def _duration(seconds: float) -> str:
    """Seconds as hours, minutes and seconds, the smallest two that matter."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{seconds:.1f} s"
