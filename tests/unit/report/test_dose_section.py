"""Curves over the doses: what belongs to a generator, and what generators share."""

from __future__ import annotations

from synthaug.config.arms import ArmSettings, resolve_arms
from synthaug.report.sections.doses import _families


def families(
    brought: tuple[str, ...] = (), controls: tuple[str, ...] = ("repeated",)
) -> dict[str, list[str]]:
    doses = {"a": (0.5, 1.0), "b": (1.0, 2.0)}
    settings = {
        f"{generator}-{dose:g}": ArmSettings(generator=generator, dose=dose, controls=controls)
        for generator, own in doses.items()
        for dose in own
    }
    arms = list(resolve_arms({"real": ArmSettings(), **settings}, brought).values())
    return {name: [arm.name for arm in members] for name, members in _families(arms).items()}


def test_a_control_that_generators_share_is_one_curve_over_all_doses():
    assert families() == {
        "a": ["a-0.5", "a-1"],
        "b": ["b-1", "b-2"],
        "real repeated": ["a-0.5-repeated", "a-1-repeated", "b-2-repeated"],
    }


def test_controls_of_one_dose_are_named_by_their_generators():
    assert families(brought=("b",)) == {
        "a": ["a-0.5", "a-1"],
        "b": ["b-1", "b-2"],
        "real repeated (a)": ["a-0.5-repeated", "a-1-repeated"],
        "real repeated (b)": ["b-1-repeated", "b-2-repeated"],
    }
    # A mislabelled arm has the cines of its generator.
    assert "mislabelled (b)" in " ".join(families(controls=("mislabelled",)))
