"""Formulas between phenotypes: each holds on measured hearts, and is used where a sampled heart needs it."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.phantom import SCANNERS, draw_parameters, simulate
from synthaug.phenotypes.identities import IDENTITIES, ORDERED, determined_by, follow_from, ventricle
from synthaug.phenotypes.measure import measure_phenotypes
from synthaug.phenotypes.registry import PHENOTYPES


@pytest.fixture(scope="module")
def measured() -> dict[str, float]:
    """A simulated heart, all of whose frames are labelled."""
    scanner = next(iter(SCANNERS.values()))
    scan = simulate(draw_parameters("NOR", np.random.default_rng(3)), scanner, 1)
    frames = list(range(len(scan.labels)))
    heart = (scan.labels, scan.spacing_mm, frames, scan.ed_frame, scan.es_frame, scan.frame_duration_s)
    return measure_phenotypes(*heart)


@pytest.mark.parametrize(
    "identity", IDENTITIES, ids=lambda identity: f"{identity.name} {len(identity.sources)}"
)
def test_the_formula_is_how_the_phenotype_is_measured(identity, measured) -> None:
    values = {name: np.array([value]) for name, value in measured.items()}
    expected = measured[identity.name]
    if not np.isfinite([measured[source] for source in identity.sources]).all():
        pytest.skip("the simulated heart lacks a source")
    assert identity(values)[0] == pytest.approx(expected, rel=1e-6)


def test_names_are_those_of_the_registry() -> None:
    names = {name for identity in IDENTITIES for name in (identity.name, *identity.sources)}
    assert names | {name for pair in ORDERED for name in pair} <= set(PHENOTYPES)
    units = [(PHENOTYPES[first].unit, PHENOTYPES[second].unit) for first, second in ORDERED]
    assert all(first == second for first, second in units)


def test_order_of_measured_phenotypes(measured) -> None:
    known = [(measured[first], measured[second]) for first, second in ORDERED]
    assert all(first <= second + 1e-9 for first, second in known if np.isfinite([first, second]).all())


@pytest.mark.parametrize("known", [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
@pytest.mark.parametrize("side", ["lv", "rv"])
def test_two_quantities_of_a_ventricle_determine_all_four(side, known) -> None:
    names = ventricle(side)
    assert determined_by([names[index] for index in known]) >= set(names)
    assert determined_by([names[known[0]]]) == {names[known[0]]}


def test_what_follows_from_what_follows_is_found_in_order() -> None:
    known = ["lv_edv_ml", "lv_ef", "es_phase", "heart_rate_bpm"]
    names = [identity.name for identity in follow_from(known)]
    assert {"lv_sv_ml", "lv_co_l_min", "systole_ms", "lv_mean_ejection_rate_ml_s"} <= set(names)
    assert names.index("lv_sv_ml") < names.index("lv_co_l_min")
    assert "rv_sv_ml" not in names and "myo_mass_g" not in names
