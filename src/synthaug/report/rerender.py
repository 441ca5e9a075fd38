"""The page of a study, rendered again from what was gathered for it."""

from __future__ import annotations

from pathlib import Path

from synthaug.core.artifacts import read_json
from synthaug.core.errors import SynthaugError
from synthaug.report.render import render
from synthaug.tables.collate import verify


def render_again(study: Path, output: Path | None = None) -> Path:
    """Render a study's page from its gathered content and its tables as they stand.

    Parameters
    ----------
    study : Path
        The study's results, ``results/<study>``: ``report/`` and ``tables/`` lie in it.
    output : Path, optional
        HTML file; ``report.html`` of the study where None.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    SynthaugError
        Nothing was gathered, or the tables that the content shows are no longer what was collated.
    """
    from jinja2 import TemplateNotFound, UndefinedError

    content = study / "report" / "content.json"
    if not content.is_file():
        raise SynthaugError(f"{content}: no such file; run the study first, with snakemake")
    shown = read_json(content).get("tables")
    if shown is None:
        raise SynthaugError(f"{content}: was gathered by another version of synthaug; run snakemake")
    version = study / "tables" / shown["version"]
    if verify(version) != shown["checksums"]:
        raise SynthaugError(f"{version}: is not the version that {content} was gathered from; run snakemake")
    output = output or study / "report.html"
    try:
        render(content.parent, output)
    except (UndefinedError, TemplateNotFound) as error:
        raise SynthaugError(
            f"{content}: was gathered for another version of the page ({error}); run snakemake"
        ) from None
    return output
