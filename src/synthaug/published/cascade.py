"""Results of the residual-motion cascade and of the single pass, which their abstracts give."""

from __future__ import annotations

from synthaug.published.base import Column, Part, PublishedTable

_BY = "segmenter"

TABLES = (
    PublishedTable(
        "cascade_table",
        "Controllability and coherence of 4D cines; segmentation on other vendors with them minus without",
        "Anatomy-guided residual motion diffusion for controllable 4D cardiac MRI synthesis, 2026",
        "ACDC and M&Ms, other vendors tested; the paper's FVD has another network, its r is given as a bound",
        (
            Part(
                "generators",
                (
                    Column("r of EDV", "controllability_r_lv_edv_ml", structure="LV", phase="ED", versus=_BY),
                    Column("r of ESV", "controllability_r_lv_esv_ml", structure="LV", phase="ES", versus=_BY),
                    Column("r of EF", "controllability_r_lv_ef", structure="LV", versus=_BY),
                    Column("FVD-T", "fvd_t"),
                ),
            ),
            Part(
                "segmentations",
                (
                    Column("Dice, difference", "dice_difference"),
                    Column("HD, difference", "hd_difference", unit="mm"),
                    Column("Dice of LV at ED, difference", "dice_difference", structure="LV", phase="ED"),
                    Column("Dice of LV at ES, difference", "dice_difference", structure="LV", phase="ES"),
                    Column("HD of LV at ED, difference", "hd_difference", None, "mm", "LV", "ED"),
                    Column("HD of LV at ES, difference", "hd_difference", None, "mm", "LV", "ES"),
                ),
            ),
        ),
    ),
    PublishedTable(
        "single_pass_table",
        "FID over the depth of the stack",
        "Abstract on 4D cine MRI synthesis in a single pass",
        "ACDC and M&Ms-2, 108 test volumes; mean and SD over depths; another network than the Inception of FID",
        (
            Part(
                "generators",
                (
                    Column("FID", "fid"),
                    Column("FID, basal third", "fid_basal"),
                    Column("FID, middle third", "fid_middle"),
                    Column("FID, apical third", "fid_apical"),
                    Column("FVD-T", "fvd_t"),
                ),
            ),
        ),
    ),
)
