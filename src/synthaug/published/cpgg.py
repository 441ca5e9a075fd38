"""Tables and figure 3 of CPGG."""

from __future__ import annotations

from synthaug.published.base import SECONDS, Column, Part, PublishedTable

_PAPER = "Phenotype-guided generative model for high-fidelity cardiac MRI synthesis (CPGG), 2025"
_UKB = "UK Biobank, four-chamber cines of 50 x 96 x 96"
_PRIVATE = "a private dataset, two and four classes"

_CLASSIFICATION = (Column("ACC", "accuracy_mean"), Column("AUC", "auc"))
_MEAN_R2 = Column("R², mean", "r2")


def _of_phenotype(label: str, target: str, unit: str) -> tuple[Column, Column]:
    return Column(f"MAE, {label}", "phenotype_error_mae", target, unit), Column(f"R², {label}", "r2", target)


TABLES = (
    PublishedTable(
        "cpgg_table1",
        "Quality of generated cines and sampling time",
        _PAPER,
        _UKB,
        (
            Part(
                "generators",
                (Column("FID", "fid"), Column("FVD-T", "fvd_t"), Column("time", SECONDS, unit="s")),
            ),
        ),
    ),
    PublishedTable(
        "cpgg_table2",
        "Two-class diagnosis, and phenotypes; *: synthetic cines are labelled data too",
        _PAPER,
        _UKB,
        (
            Part("two-class tasks", _CLASSIFICATION),
            # The paper's ejection fraction of the right atrium has no column: short axes show no atrium.
            Part(
                "regressions",
                (
                    *_of_phenotype("LVEDV", "lv_edv_ml", "mL"),
                    *_of_phenotype("LVEF", "lv_ef", "%"),
                    *_of_phenotype("LVM", "myo_mass_g", "g"),
                    *_of_phenotype("RVEDV", "rv_edv_ml", "mL"),
                    _MEAN_R2,
                ),
            ),
        ),
    ),
    PublishedTable(
        "cpgg_table3",
        "Diagnosis of two and of several classes",
        _PAPER,
        _PRIVATE,
        (Part("two-class tasks", _CLASSIFICATION), Part("multi-class tasks", _CLASSIFICATION)),
    ),
    # The paper draws the mean over 82 phenotypes and prints no value.
    PublishedTable(
        "cpgg_figure3",
        "Mean R² over all phenotypes against the dose",
        _PAPER,
        _UKB,
        (Part("regressions", (_MEAN_R2,)),),
        figure=True,
    ),
)
