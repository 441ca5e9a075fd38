"""The reconstruction ceiling: what is refused, and why."""

from __future__ import annotations

import pytest

from synthaug.artifacts import write_json
from synthaug.config.synthesis import CeilingSettings
from synthaug.errors import SynthaugError
from synthaug.models.ceiling import check_ceiling

GOOD = {"psnr_db": 27.0, "ssim": 0.9, "dice_LV": 0.8, "dice_MYO": 0.4, "dice_RV": 0.6}


@pytest.fixture
def record(tmp_path):
    def write(**figures):
        write_json(tmp_path / "training.json", {"figures": figures})
        return tmp_path / "training.json"

    return write


def test_a_good_autoencoder_passes_with_the_mean_over_structures(record):
    assert check_ceiling(record(**GOOD), CeilingSettings()) == pytest.approx(
        {"psnr_db": 27.0, "ssim": 0.9, "dice": 0.6}
    )


def test_every_figure_below_its_floor_is_named(record):
    with pytest.raises(SynthaugError, match=r"psnr_db 18 is below 20, dice 0\.2 is below 0\.3\)"):
        check_ceiling(record(psnr_db=18.0, ssim=0.9, dice_LV=0.2), CeilingSettings())


def test_masks_that_nobody_drew_are_not_asked_for(record):
    assert "dice" not in check_ceiling(record(psnr_db=25.0, ssim=0.7), CeilingSettings())
