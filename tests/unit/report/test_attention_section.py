"""The section about attention: its table and its picture."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthaug.config.arms import Arm
from synthaug.config.report import ReportSettings
from synthaug.data.cohort import Cohort
from synthaug.measures.attention import Example
from synthaug.measures.attention_examples import write_examples
from synthaug.metric_registry import columns_of
from synthaug.report.inputs import ReportInputs, SyntheticRun
from synthaug.report.plots.images import heat_montage
from synthaug.report.render import make_environment
from synthaug.report.rows import records
from synthaug.report.section import ReportData
from synthaug.report.sections.attention import attention
from synthaug.tables import make_table

RUN = {"generator": "texdc", "fold": 0, "generator_seed": 0}


def data_of(folder: Path, examples: list[Example]) -> ReportData:
    rows = [
        {
            **columns_of(metric, suffix),
            **RUN,
            "target": "anterior",
            "status": "ok",
            "value": value,
            "n": 7,
            "note": "region: anterior",
            **({"ci_low": value - 0.1, "ci_high": value + 0.1} if suffix else {}),
        }
        for metric, values in (
            ("attention_mass", (0.31, 0.19, 0.04)),
            ("attention_pointing", (0.5, 0.35, -0.02)),
            ("word_effect_mass", (0.41, 0.29, 0.21)),
            ("word_effect_pointing", (0.75, 0.6, 0.55)),
        )
        for suffix, value in zip(("", "_excess", "_specific"), values, strict=True)
    ]
    rows += [
        {
            **columns_of(metric, suffix),
            **RUN,
            "target": "lateral",
            "status": "not_measured",
            "n": 0,
            "note": "-",
        }
        for metric in ("attention_mass", "attention_pointing", "word_effect_mass", "word_effect_pointing")
        for suffix in ("", "_excess", "_specific")
    ]
    rows += [
        {**columns_of(metric, suffix), **RUN, "target": "anterior", "status": "ok", "value": 0.61, "n": 7}
        for metric in ("attention_class", "attention_class_image")
        for suffix in ("", "_chance", "_excess")
    ]
    table = make_table(rows)
    points = pd.DataFrame(
        {
            "word": "anterior",
            "kind": ["attention", "image"] * 3,
            "subject": "s",
            "diagnosis": ["DCM", "HCM"] * 3,
        }
    ).assign(x=range(6), y=range(6))
    write_examples(folder / "examples.npz", examples, points if examples else None)
    run = SyntheticRun("texdc", 0, 0, folder, attention=folder / "examples.npz")
    return ReportData(
        inputs=ReportInputs(Path(), {}, [Arm("real", True, None, 0.0)], {}, synthetic=[run]),
        settings=ReportSettings(),
        table=table,
        rows=records(table),
        real=Cohort("none", "real", pd.DataFrame(), {}, {}),
        alpha=0.05,
        draw=lambda name, svg, title, alt: {"title": title, "alt": alt, "svg": svg},
        assets=folder,
        is_shown=lambda row: True,
    )


def example(number: int, kind: str = "attention") -> Example:
    image = np.full((8, 4, 6), 0.5, np.float32)
    heat, region = np.zeros_like(image), np.zeros(image.shape, bool)
    heat[:, 1, 1], region[:, :2, :2] = 1, True
    return Example(kind, f"s-{number}", "anterior", image, heat, region)


def test_the_tables_have_shares_and_differences(tmp_path):
    content = attention(data_of(tmp_path, []))
    (entry,) = content["tables"]
    looked, changed = entry["maps"]
    assert entry["absent"] == ["lateral"]  # which has no line of its own
    for kind, shares, differences in (
        (looked, ("0.31", "0.50"), (0.19, 0.04, 0.35, -0.02)),
        (changed, ("0.41", "0.75"), (0.29, 0.21, 0.6, 0.55)),
    ):
        (line,) = kind["table"]["rows"]
        assert line[:3] == ["anterior", "anterior", 7] and (line[3], line[6]) == shares
        assert [line[place]["value"] for place in (4, 5, 7, 8)] == list(differences)
        assert kind["picture"] is None and not kind["table"]["notes"]


def test_examples_are_a_picture_of_the_page(tmp_path):
    data = data_of(tmp_path, [*(example(number) for number in range(3)), example(9, "effect")])
    content = attention(data)
    picture, change = (kind["picture"] for kind in content["tables"][0]["maps"])
    assert (tmp_path / picture["file"]).is_file() and "row 3: anterior, s-2" in picture["said"]
    assert (tmp_path / change["file"]).is_file() and change["said"] == "row 1: anterior, s-9"
    environment = make_environment(tmp_path)
    environment.filters |= {"data_uri": str, "svg": lambda panel: panel["alt"]}
    page = environment.get_template("sections/attention.html.j2").render(content=content)
    assert f'src="{picture["file"]}"' in page and change["alt"] in page
    assert "attention to them: lateral." in page and "0.19" in page
    entry = content["tables"][0]
    (line,) = entry["by_class"]["rows"]
    assert line[:4] == ["anterior", 7, "0.61", "0.61"]
    maps, pictures = entry["panels"]
    assert maps["alt"] == "Maps of anterior of 3 samples by diagnosis, t-SNE" and "DCM, 3" in maps["svg"]
    assert pictures["alt"] in page and "how often both have the same diagnosis" in page


def test_heat_is_warm_where_the_map_is_high():
    from PIL import Image

    one = example(0)
    pixels = np.asarray(
        Image.open(io.BytesIO(heat_montage([[(one.image[0], one.heat[0], one.region[0])]], 1)))
    )
    assert pixels.shape == (4 + 2, 6 + 2, 3)
    assert pixels[3, 4].tolist() == [128, 128, 128]  # grey where there is no heat
    assert tuple(pixels[0, 0]) == (64, 170, 235)  # the contour of the region
    assert pytest.approx(255) == pixels[5, 7].mean()
