"""From gathered content to one self-contained page."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthaug.core.artifacts import read_json, write_text
from synthaug.report import wording
from synthaug.report.plots.panel import with_unique_ids

if TYPE_CHECKING:
    from jinja2 import Environment

#: The page; its style sheet and its script lie beside it.
TEMPLATE = Path(__file__).with_name("report.html.j2")


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
        return "data:image/png;base64," + base64.b64encode((assets / name).read_bytes()).decode()

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
        structures=wording.STRUCTURES,
    )
    write_text(output, page)


def make_environment(folder: Path) -> Environment:
    """Jinja as all pages use it: text is escaped, an unknown name is an error, numbers are said alike."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": wording.number,
        "p_value": wording.p_value,
        "counted": wording.counted,
        "nested": _nested,
        "duration": _duration,
    }
    return environment


def _nested(value: Any) -> list[tuple[str, Any]] | str:
    """Mappings and lists of mappings as pairs to list; everything else as text."""
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list):
        if any(isinstance(entry, dict | list) for entry in value):
            return [(str(number), entry) for number, entry in enumerate(value, start=1)]
        return ", ".join(str(entry) for entry in value) or "none"
    return {None: "none", True: "yes", False: "no"}.get(value, str(value)) if _is_plain(value) else str(value)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _duration(seconds: float) -> str:
    """Seconds as hours, minutes and seconds, the smallest two that matter."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{seconds:.1f} s"
