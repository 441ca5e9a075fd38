"""Figures: themed SVG, sprite sheets, montages."""

from __future__ import annotations

import io
import re
import warnings
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from synthaug.report.files import FOLDER
from synthaug.report.plots import images, segmentation, synthesis, training
from synthaug.report.plots.panel import THEME, panel, themed_svg, with_unique_ids
from synthaug.report.plots.prediction import confusion


def text_of(svg: str) -> str:
    return " ".join("".join(element.itertext()) for element in ElementTree.fromstring(svg).iter())


def comparison(label: str, value: float, half: float, word: str) -> dict:
    return {"label": label, "value": value, "ci_low": value - half, "ci_high": value + half, "word": word}


@pytest.fixture(scope="module")
def forest() -> str:
    rows = [comparison("a<b> & $x_1$", 0.01, 0.004, "helps"), comparison("c", -0.02, 0.05, "undecided")]
    return segmentation.forest(rows, "difference in Dice")


def test_a_name_wider_than_the_panel_takes_several_lines_and_no_room_of_the_axes():
    label = "masked-autoregressive against real train, extractor masked_autoencoder-464323b96c01-whitened"
    row = {"label": label, "value": 1.5, "ci_low": 1.0, "ci_high": 2.0, "floor": 0.6, "floor_sd": 0.1}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "axes sizes collapsed to zero"
        svg = synthesis.distances([row, {**row, "label": "cascade"}], "FID")
    texts = [element.text for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")]
    assert {
        "masked-autoregressive against real train, extractor",
        "masked_autoencoder-464323b96c01-whitened",
    } <= set(texts)


def test_every_colour_is_a_custom_property_with_its_fallback(forest):
    outside = re.sub(r"var\(--[a-z0-9-]+, #[0-9a-f]{6}\)", "", forest)
    assert not re.findall(r"#[0-9a-f]{6}\b", outside)
    assert f"var(--helps, {THEME['helps']})" in forest
    assert f"var(--undecided, {THEME['undecided']})" in forest


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 1.0])
def test_text_on_a_shaded_cell_is_readable_on_both_pages(share):
    """Contrast of 4.5 to 1 at least (WCAG 2, AA), of the ink with the cell mixed from the page's colours."""
    svg = confusion(np.array([[share]]), ["NOR"], [8])
    fixed = set(re.findall("#[0-9a-f]{6}", svg)) - set(THEME.values())
    assert not fixed  # a mixed colour would not follow the page
    opacity = [float(text) for text in re.findall(r"opacity: ([0-9.]+)", svg)]
    cell = opacity[0] if opacity else 1.0
    assert cell == pytest.approx(share / 2)
    style = (FOLDER / "report.css").read_text(encoding="utf-8")
    light, dark = (dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", part)) for part in _root_rules(style))
    for theme in (light, dark):
        card, series, ink = (_rgb(theme[name]) for name in ("card", "series-1", "ink"))
        luminances = sorted(map(_luminance, (card + cell * (series - card), ink)))
        assert (luminances[1] + 0.05) / (luminances[0] + 0.05) >= 4.5


def _root_rules(style: str) -> list[str]:
    """Custom properties of the light page, then of the dark one."""
    return re.findall(r":root \{(.*?)\}", style, flags=re.DOTALL)[:2]


def _rgb(text: str) -> np.ndarray:
    return np.array([int(text[place : place + 2], 16) for place in (1, 3, 5)]) / 255


def _luminance(colour: np.ndarray) -> float:
    """Relative luminance of an sRGB colour."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_a_hostile_name_stays_text(forest):
    assert "a<b> & $x_1$" in text_of(forest)
    assert "<b>" not in forest


def test_a_long_label_stays_inside_the_panel():
    label = "difference in absolute error in SD of the training patients (SD)"
    with panel() as drawn:
        drawn.axes.set_xlabel(label)
    lines = drawn.axes.get_xlabel().split("\n")
    assert " ".join(lines) == label and max(map(len, lines)) <= 45  # 12 characters an inch


def test_the_same_figure_is_the_same_bytes(forest):
    rows = [comparison("a<b> & $x_1$", 0.01, 0.004, "helps"), comparison("c", -0.02, 0.05, "undecided")]
    assert segmentation.forest(rows, "difference in Dice") == forest


def test_two_figures_share_no_id_and_refer_only_to_their_own(forest):
    first, second = with_unique_ids(forest, "first"), with_unique_ids(forest, "second")
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for svg, own in zip((first, second), ids, strict=True):
        assert set(re.findall(r"url\(#([^)]+)\)", svg)) | set(re.findall(r'href="#([^"]+)"', svg)) == own


def test_a_figure_carries_no_link_and_no_style_sheet_of_its_own():
    text = themed_svg(
        '<?xml version="1.0"?><svg width="10pt" height="5pt" viewBox="0 0 10 5"><metadata>x</metadata></svg>'
    )
    assert "metadata" not in text
    assert "width" not in text
    with panel() as drawn:
        drawn.axes.plot([0, 1])
    assert "<style" not in drawn.svg
    assert re.findall(r"https?://[^\"]+", drawn.svg) == ["http://www.w3.org/2000/svg"]


def test_every_arm_is_named_and_gaps_do_not_break_a_figure():
    gap = {"label": "lost", "colour": "real", "phase": "ED", "value": 0.9, "ci_low": None, "ci_high": None}
    svg = segmentation.arm_means([gap, {**gap, "label": "kept", "ci_low": 0.8, "ci_high": 0.95}], "Dice")
    assert "lost" in text_of(svg)
    assert "kept" in text_of(svg)
    no_floor = {"label": "g", "value": 4.0, "ci_low": None, "ci_high": None, "floor": None, "floor_sd": None}
    assert "g" in text_of(synthesis.distances([no_floor], "FID"))
    curve = pd.DataFrame(
        {"dose": [0.5, 1.0], "value": [0.8, 0.9], "ci_low": [np.nan] * 2, "ci_high": [np.nan] * 2}
    )
    assert "Dice" in text_of(segmentation.dose_curve([curve, curve.iloc[:0]], [0.8], "Dice"))


def test_the_training_range_is_shaded_where_it_is_given():
    points = {"cascade": ([90.0, 220.0], [100.0, 200.0])}
    plain = synthesis.requested_against_measured(points, "LV EDV (mL)")
    shaded = synthesis.requested_against_measured(points, "LV EDV (mL)", (100.0, 200.0))
    assert "training range" in text_of(shaded) and "training range" not in text_of(plain)


def test_loss_curves_bridge_gaps_and_take_a_single_point():
    history = pd.DataFrame(
        {"iteration": [1, 2, 3], "loss": [3.0, 2.0, 1.0], "validation_loss": [np.nan, 2.0, np.nan]}
    )
    svg = training.loss_curves(history, "iteration", ["loss", "validation_loss"], logarithmic=True)
    assert "validation loss" in text_of(svg)


def test_a_sprite_is_where_its_frame_and_slice_say():
    cine = np.zeros((3, 2, 4, 5), np.float32)
    cine[2, 1, 0, 3] = 1.0
    sheet = np.asarray(Image.open(io.BytesIO(images.cine_sheet(cine))))
    assert sheet.shape == (2 * 4, 3 * 5)
    assert np.argwhere(sheet).tolist() == [[1 * 4 + 0, 2 * 5 + 3]]
    assert sheet.max() == 255


def test_masks_show_structures_only():
    labels = np.array([0, 1, 2, 3, 255], np.uint8).reshape(1, 1, 1, 5)
    sheet = np.asarray(Image.open(io.BytesIO(images.mask_sheet(labels))).convert("RGBA"))
    assert sheet[0, :, 3].tolist() == [0, 255, 255, 255, 0]
    assert [tuple(pixel[:3]) for pixel in sheet[0, 1:4]] == [images.OVERLAY[label] for label in (1, 2, 3)]


def test_the_montage_outlines_masks_and_leaves_short_rows_blank():
    grey = np.full((6, 6), 0.5)
    mask = np.zeros((6, 6), np.uint8)
    mask[1:5, 1:5] = 1
    picture = np.asarray(
        Image.open(io.BytesIO(images.montage([[(grey, mask), (grey, None)], [(grey, None)]], 2)))
    )
    assert picture.shape == (2 * 12 + 2, 2 * 12 + 2, 4)
    assert tuple(picture[2, 2, :3]) == images.OVERLAY[1]  # the corner of the mask
    assert tuple(picture[5, 5, :3]) == (128, 128, 128)  # inside it the image shows
    assert picture[20, 20, 3] == 0  # the missing picture
