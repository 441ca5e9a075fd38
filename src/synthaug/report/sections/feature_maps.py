"""Feature maps: synthetic among real training subjects, and how well the two mix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synthaug.core.artifacts import read_tsv
from synthaug.report import wording
from synthaug.report.inputs import FeatureMap
from synthaug.report.plots import synthesis
from synthaug.report.rows import MIXING, Draw, estimate, pooled, run_label, select, shows_metrics, varying
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, make_table, with_aside

_RUN = ("extractor", "fold", "generator_seed")


def feature_maps(data: ReportData) -> dict[str, Any]:
    """Maps of motion and anatomy, and the mixing of neighbours in feature space."""
    mixing = pooled(select(data.rows, metric=MIXING))
    columns = varying(mixing, _RUN)
    lines = [
        [
            wording.metric_name(row["metric"]),
            with_aside(row["generator"] or "", run_label(row, columns)),
            estimate(row),
            row["n"],
        ]
        for row in mixing
    ]
    headings = {"measure": TEXT, "generator": TEXT, "value (CI)": TEXT, "n": NUMBER}
    panels = _panels(data.inputs.maps, data.draw)
    return {
        "reason": "" if panels or lines else "no feature map was made",
        "panels": panels,
        "table": make_table("Mixing of real and synthetic subjects", headings, lines) if lines else None,
    }


def _panels(maps: Sequence[FeatureMap], draw: Draw) -> list[dict[str, str]]:
    panels = []
    for number, found in enumerate(maps):
        points = read_tsv(found.points, ("subject",))
        for kind, own in points.groupby("kind", sort=False):
            word = {"temporal": "motion", "spatial": "anatomy"}[str(kind)]
            title = f"{found.generator} by {word}"
            if len(maps) > 1:
                title += f", {found.extractor}, fold {found.fold}, seed {found.generator_seed}"
            counts = own["set"].value_counts()
            alt = f"{title}: " + ", ".join(f"{count} {name}" for name, count in counts.items())
            panels.append(draw(f"map-{number:03d}-{kind}", synthesis.feature_map(own), title, alt))
    return panels


SECTION = Section(
    title="Feature maps: synthetic among real subjects",
    menu="Feature maps",
    order=110,
    content=feature_maps,
    shows=shows_metrics(*MIXING),
)
