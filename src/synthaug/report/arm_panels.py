"""What figures and sections about training sets (arms) share: colours, axis labels, forest plots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from synthaug.config.arms import Arm
from synthaug.report import wording
from synthaug.report.plots import segmentation
from synthaug.report.rows import Draw, select
from synthaug.statistics import verdict
from synthaug.tables import Row


def colour_of(arm: Arm | None) -> str:
    """Colour of an arm, the same in every figure."""
    if arm is None or arm.generator is None:
        return "real"
    if arm.control:
        return "series-2"
    return "synthetic" if arm.real else "series-3"


def way_of_training(arm: Arm) -> str:
    """How an arm is trained where it is not as usual, behind the name of its curve: doses of one curve share it."""
    said = f", {arm.real:.0%} of the real patients" if arm.real < 1 else ""
    said += "" if arm.real_share is None else f", {arm.real_share:.0%} real samples"
    said += ", pretrained" if arm.pretrain else ""
    return said + (f", {arm.corruption} corrupted" if arm.corruption != "none" else "")


def is_of_a_generator(arm: Arm, arms: Iterable[Arm]) -> bool:
    """Whether the curve of an arm over the doses belongs to its generator.

    That of a control which generators share belongs to none of them. Where two controls of a kind match the same dose, each
    of another generator, all of this kind are named by their generators.
    """
    if arm.generator is None or arm.adds_synthetic:
        return arm.generator is not None
    alike = [
        (other.real, other.dose, other.real_share, other.pretrain, other.matched_sampling)
        for other in arms
        if other.control == arm.control
    ]
    return len(set(alike)) < len(alike)


def axis_label(metric: str) -> str:
    """Name of a metric, with its unit."""
    unit = wording.metric_unit(metric)
    return f"{wording.metric_name(metric)} ({unit})" if unit else wording.metric_name(metric)


def forest_panel(
    measured: list[Row],
    place: Mapping[str, str | None],
    arms: Mapping[str, Arm],
    metric: str,
    draw: Draw,
    alpha: float,
) -> dict[str, str] | None:
    """Paired differences of one place (structure, phase and target); None where there is none."""
    shown = select(measured, **place)
    lines = [
        {**row, "label": f"{name} − {_short(row, arms)}", "word": verdict.judge_row(row, alpha)}
        for name in arms
        for row in select(shown, arm=name)
    ]
    if not lines:
        return None
    places = wording.decimals(metric)
    alt = "; ".join(f"{line['label']}: {wording.number(line['value'], places, sign=True)}" for line in lines)
    svg = segmentation.forest(lines, f"difference in {axis_label(metric)}")
    return draw(f"forest-{metric}-{file_part(place)}", svg, wording.place(place), alt)


def file_part(place: Mapping[str, str | None]) -> str:
    """What names a place in the file name of a figure."""
    return "-".join(str(part) for part in place.values() if part) or "all"


def _short(row: Row, arms: Mapping[str, Arm]) -> str:
    """What a row compares with, a control of the same arm by its kind only."""
    versus = arms.get(row["versus"])
    if versus is not None and versus.control and row["arm"] in versus.control_of:
        return versus.control
    return str(row["versus"])
