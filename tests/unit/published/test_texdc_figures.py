"""Figures of TexDC from made-up generators: which pictures there are, what they show, and what the page says."""

from __future__ import annotations

import io
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from made_hearts import ES, FRAMES, SPACING, heart, made_cohort
from PIL import Image

from synthaug.config.evaluation import EvaluationSettings
from synthaug.core.artifacts import write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import REQUESTED_LABELS, write_cohort, write_subject
from synthaug.measures.attention import Example
from synthaug.measures.attention_examples import write_examples
from synthaug.measures.measurement import Measurement
from synthaug.published.figures import FIGURES
from synthaug.published.texdc_figures import write_published_figure
from synthaug.tables import make_table

#: Below the heart in the image, base to apex.
BOTTOM = {"infarct_middle_deg": 90.0, "infarct_width_deg": 90.0, "infarct_from_level": 0.0, "infarct_to_level": 1.0}  # fmt: skip
RED = (230, 60, 60)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def draw(figure, files, tmp_path, **simulated):
    """The page of a figure and its folder."""
    write_published_figure(figure, files, tmp_path / "figure", simulated)
    return (tmp_path / "figure" / "figure.md").read_text(), tmp_path / "figure"


# --- figure 4 -----------------------------------------------------------------------------------


def mapped(folder, name, kinds, value=0.25):
    """Files of a map of two real and two synthetic subjects, and of its mixing."""
    measurement = Measurement({"generator": name, "extractor": "study"}, EvaluationSettings())
    rows = [measurement.row(f"mixing_{kind}", status="ok", value=value, n=12) for kind in kinds]
    few = [kind for kind in ("temporal", "spatial") if kind not in kinds]
    rows += [measurement.not_measured(f"mixing_{kind}", note="3 real patients", n=3) for kind in few]
    points = [
        {"kind": kind, "set": one, "subject": f"{one}-{number}", "x": number, "y": number}
        for kind in kinds
        for one in ("real", "synthetic")
        for number in range(2)
    ]
    columns = ["kind", "set", "subject", "x", "y"]
    write_tsv(folder / f"{name}.points.tsv", pd.DataFrame(points, columns=columns))
    write_tsv(folder / f"{name}.mixing.tsv", make_table(rows))
    return {"points": folder / f"{name}.points.tsv", "mixing": folder / f"{name}.mixing.tsv"}


def test_attention_is_of_those_that_read_and_maps_are_of_every_generator(tmp_path):
    image = np.full((4, 8, 8), 0.5, np.float32)
    examples = [Example(kind, "s-0", "anterior", image, image, image > 0) for kind in ("attention", "effect")]
    files = {
        "texdc": mapped(tmp_path, "texdc", ("temporal", "spatial"), 0.875),
        "texdc-no-tam": mapped(tmp_path, "texdc-no-tam", ()),
        "deformation": mapped(tmp_path, "deformation", ("spatial",), 0.25),
    }
    for number, name in enumerate(("texdc", "texdc-no-tam")):
        write_examples(tmp_path / f"{name}.npz", examples[number:])  # none of the second
        files[name]["attention"] = tmp_path / f"{name}.npz"
    page, folder = draw("texdc_figure4", files, tmp_path)
    drawn = ["texdc-spatial.svg", "texdc-temporal.svg", "deformation-spatial.svg"]
    assert names(folder) == sorted(["figure.md", "texdc-attention.png", *drawn])
    first, second = page.split("## (b)")
    assert "- row 1: *anterior*, s-0" in first and "### texdc-no-tam\n\nNo sample" in first
    assert "### deformation" not in first
    assert all(f"]({name})" in second for name in drawn) and "Extractor: study" in second
    # The number stands beside the picture and in it, and what is joint is said.
    assert second.count("mixing of neighbours 0.88, n 12 |") == 2
    assert second.count("mixing of neighbours 0.25, n 12 |") == 1
    svg = (folder / "deformation-spatial.svg").read_text()
    assert "mixing of neighbours 0.25" in svg and "map alone" in svg
    assert "each map is a t-SNE of its own" in second
    # A map that was not made says why.
    assert second.count("not mapped: 3 real patients") == 3


def test_maps_are_drawn_without_attention(tmp_path):
    page, folder = draw("texdc_figure4", {"deformation": mapped(tmp_path, "deformation", ())}, tmp_path)
    assert names(folder) == ["figure.md"] and page.count("not mapped: 3 real patients") == 2
    assert "Not measured: it needs a generator of kind `text_driven` and `evaluation.attention`" in page


def test_attention_alone_is_drawn_without_an_extractor(tmp_path):
    image = np.full((4, 8, 8), 0.5, np.float32)
    write_examples(tmp_path / "a.npz", [Example("attention", "s-0", "LV", image, image, image > 0)])
    page, folder = draw("texdc_figure4", {"texdc": {"attention": tmp_path / "a.npz"}}, tmp_path)
    assert names(folder) == ["figure.md", "texdc-attention.png"]
    assert "Not measured: it needs an extractor" in page


# --- figure 5 -----------------------------------------------------------------------------------


def test_cycles_surfaces_and_volume_curves_of_every_generator(tmp_path):
    made_cohort(tmp_path / "cohort", "made", 2, "synthetic")
    page, folder = draw("texdc_figure5", {"texdc": {"cohort": tmp_path / "cohort"}}, tmp_path)
    assert names(folder) == ["figure.md", "texdc-cycle.png", "texdc-surfaces.png", "texdc-volumes.svg"]
    assert f"{FRAMES} frames of 2 subjects" in page and "Surfaces of made-00" in page
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", page, re.M)
    assert [row[0] for row in rows] == ["0", "1", "2", "3"]  # all frames, where there are fewer than six
    volumes = np.array(rows, float)
    labels = heart(4000)[1]
    voxel_ml = np.prod(SPACING) / 1000
    assert volumes[:, 1] == pytest.approx(
        [(labels[t] == 1).sum() * voxel_ml for t in range(FRAMES)], abs=0.06
    )
    assert volumes[:, 3] == pytest.approx(
        [np.isin(labels[t], (1, 2)).sum() * voxel_ml for t in range(FRAMES)], abs=0.06
    )
    # Triangles of 3 mm on a cavity with a radius of 6 to 12 mm.
    assert volumes[:, 2] == pytest.approx(volumes[:, 1], rel=0.15)
    assert volumes[:, 4] == pytest.approx(volumes[:, 3], rel=0.06)


def test_cines_without_masks_have_slices_alone(tmp_path):
    write_subject(tmp_path / "cohort" / "sub-a", heart(1)[0], {}, SPACING)
    write_cohort(tmp_path / "cohort", "made", "synthetic", [{"subject": "a"}], SPACING)
    page, folder = draw("texdc_figure5", {"texdc": {"cohort": tmp_path / "cohort"}}, tmp_path)
    assert names(folder) == ["figure.md", "texdc-cycle.png"] and "The samples have no masks" in page


# --- figure 6 -----------------------------------------------------------------------------------


def asked(folder, name, rows, labelled=True):
    """A generator's cohort: the same heart for each row, asked for the masks of an upright heart."""
    cine, labels = heart(3, slices=6)
    table = []
    for row in rows:
        subject = f"{name}-s0-{row.pop('request'):04d}"
        own = folder / f"sub-{subject}"
        write_subject(own, cine, labels if labelled else {}, SPACING)
        if "requested_masks_of" in row:
            write_subject(folder / "other", cine, labels, SPACING)
            shutil.move(folder / "other" / "labels.nii.gz", own / REQUESTED_LABELS)
            shutil.rmtree(folder / "other")
        frames = ",".join(map(str, labels)) if labelled else None
        table.append(
            {"subject": subject, "es_frame": ES, "n_frames": FRAMES, "labelled_frames": frames, **row}
        )
    columns = ["subject", "es_frame", "n_frames", "labelled_frames", "diagnosis"]
    write_cohort(folder, name, "synthetic", table or pd.DataFrame(columns=columns), SPACING)
    return {"cohort": folder, "requested": folder}


def boxes(path):
    """Centre (row, column) of the red pixels of each of nine pictures, as shares of the picture; None without."""
    pixels = np.asarray(Image.open(io.BytesIO(path.read_bytes())).convert("RGB"))
    red = (pixels == RED).all(axis=-1)
    tiles = [tile for row in np.array_split(red, 3) for tile in np.array_split(row, 3, axis=1)]
    return [np.argwhere(tile).mean(axis=0) / tile.shape if tile.any() else None for tile in tiles]


def test_infarcts_lie_where_the_phantom_says_and_the_same_requests_come_first(tmp_path):
    (tmp_path / "raw").mkdir()
    write_tsv(tmp_path / "raw" / "ground_truth.tsv", pd.DataFrame([{"subject": "ill", **BOTTOM}]))
    ill = {"diagnosis": "MINF", "requested_masks_of": "phantom-ill"}
    files = {
        "texdc": asked(
            tmp_path / "texdc",
            "texdc",
            [{"request": 0, "diagnosis": "NOR"}, *({"request": number, **ill} for number in (1, 2, 3))],
        ),
        "other": asked(tmp_path / "other", "other", [{"request": number, **ill} for number in (2, 3)]),
    }
    page, folder = draw("texdc_figure6", files, tmp_path, phantom=tmp_path / "raw")
    pictures = [f"{name}-{number}.png" for name in files for number in (1, 2)]
    assert names(folder) == sorted(["figure.md", *pictures])
    # Not request 1, which the other generator did not answer.
    assert [name for name in ("texdc-s0-0001", "texdc-s0-0002", "other-s0-0003") if name in page] == [
        "texdc-s0-0002",
        "other-s0-0003",
    ]
    assert page.count("Box: as simulated in the patient whose masks were requested.") == 4
    assert f"frames {ES} to {ES + 2} of {FRAMES} from end-diastole, slices 2 to 4 from the base" in page
    for row, column in boxes(folder / "texdc-1.png"):
        assert row > 0.6 and 0.3 < column < 0.8  # the lower wall


def test_infarcts_lie_where_sentence_or_request_say(tmp_path):
    still = {f"requested_wall_thickening_aha{number:02d}": 60.0 for number in range(1, 17)}
    still |= {f"requested_wall_thickening_aha{number:02d}": 0.0 for number in (1, 7, 13)}
    told = "Previous myocardial infarction. The inferior wall is akinetic."
    files = {
        "texdc": asked(
            tmp_path / "texdc",
            "texdc",
            [
                {"request": 0, "diagnosis": "MINF", "sentence": "Myocardial infarction."},
                {"request": 1, "diagnosis": "MINF", "sentence": told},
            ],
        ),
        "numbers": asked(
            tmp_path / "numbers", "numbers", [{"request": 1, "diagnosis": "MINF", "sentence": None, **still}]
        ),
        "bare": asked(
            tmp_path / "bare",
            "bare",
            [{"request": 1, "diagnosis": "MINF", "sentence": told}],
            labelled=False,
        ),
        "healthy": asked(tmp_path / "healthy", "healthy", [{"request": 0, "diagnosis": "NOR"}]),
        "silent": asked(tmp_path / "silent", "silent", [{"request": 0, "diagnosis": None}]),
    }
    page, folder = draw("texdc_figure6", files, tmp_path)
    parts = {part.split("\n")[0]: part for part in page.split("## ")[1:]}
    assert "inferior wall, which its sentence calls akinetic" in parts["texdc"]
    # The one whose wall is known comes first.
    assert parts["texdc"].index("texdc-s0-0001") < parts["texdc"].index("texdc-s0-0000")
    assert "No box: where the infarct should be is not known." in parts["texdc"]
    assert all(found is None for found in boxes(folder / "texdc-2.png"))
    assert "anterior wall, which its request calls akinetic" in parts["numbers"]
    # Of the six slices each third has two; both walls have segments in all of them.
    inferior, anterior = (boxes(folder / f"{name}-1.png") for name in ("texdc", "numbers"))
    assert all(low[0] > high[0] + 0.2 for low, high in zip(inferior, anterior, strict=True))
    assert "No box: its masks do not show the place (inferior wall" in parts["bare"]
    for name in ("healthy", "silent"):
        assert "No accepted sample has the diagnosis MINF." in parts[name]
    assert not (folder / "healthy-1.png").exists()


@pytest.mark.parametrize("figure", FIGURES)
def test_a_study_without_anything_to_show_is_told_so(figure, tmp_path):
    with pytest.raises(
        SynthaugError, match=rf"{figure}: the study has (no|neither) .*generator.*; declare one"
    ):
        write_published_figure(figure, {}, tmp_path / "figure")
    assert not (tmp_path / "figure").exists()
