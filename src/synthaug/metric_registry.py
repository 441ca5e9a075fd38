"""The registry of metrics: what each metric of a result row is, said once.

Tables, statistics, configuration, report and `docs/metrics.md` read a metric's definition, unit, direction, decimals,
range and group here. ``python -m synthaug.metric_registry`` writes the table of `docs/metrics.md`; a test holds them equal.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from synthaug.phenotypes.registry import PHENOTYPES

Direction = Literal["higher", "lower", "none"]
Group = Literal[
    "overlap",
    "grid",
    "calibration",
    "classification",
    "regression",
    "predictions of subjects",
    "cardiac function errors",
    "predicted cardiac function",
    "distances",
    "fidelity",
    "text agreement",
    "mixing",
    "memorisation",
    "cardiac function",
    "controllability",
    "mask agreement",
    "contrast consistency",
    "attention",
    "quality control",
    "phenotype sampling",
    "recovery",
    "cost",
    "generator ranking",
    "study",
]
#: Metric of a prediction's own value, by the metric of its error.
PREDICTED = {
    "edv_error_ml": "edv_ml",
    "esv_error_ml": "esv_ml",
    "sv_error_ml": "sv_ml",
    "ef_error": "ef",
    "mass_error_g": "mass_g",
}
#: Unit of a difference of two percentages.
POINTS = "percentage points"
#: Unit of a metric about phenotypes: that of the phenotype which a row's `target` names. Rows say it themselves.
OF_TARGET = "that of the target"
_DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"
_BEGIN, _END = "<!-- metrics: written by python -m synthaug.metric_registry -->", "<!-- end of metrics -->"


@dataclass(frozen=True)
class Metric:
    """What a metric of a result row is.

    Attributes
    ----------
    name : str
        As it stands in the column `metric`.
    definition : str
        Id and version of the definition; the version changes whenever a value could.
    title : str
        As the report and the summary write it.
    group : str
        Section of the report and of the documentation.
    unit : str
        Unit of the value: ``"1"`` for a share or coefficient, empty where no unit means anything, `OF_TARGET` where the
        target of a row decides.
    direction : str
        Which way is better.
    decimals : int or None
        Decimals that are shown; None for three significant digits.
    range : tuple of 2 floats or None
        Values that the metric can have, where it has bounds; the interval of a mean ends there.
    endpoint : bool
        Whether it is averaged over structures and phases, and may be the primary metric or in the family of tests.
    margin : float or None
        Default equivalence margin, in the metric's unit.
    """

    name: str
    definition: str
    title: str
    group: Group
    unit: str = ""
    direction: Direction = "none"
    decimals: int | None = 2
    range: tuple[float, float] | None = None
    endpoint: bool = False
    margin: float | None = None

    @property
    def shown_unit(self) -> str:
        """Unit as text beside a number; a share has none, nor what only a row knows."""
        return "" if self.unit in ("1", OF_TARGET) else self.unit


@dataclass(frozen=True)
class Aggregate:
    """What a suffix of a metric's name stands for.

    Attributes
    ----------
    title : str
        Words behind the metric's title.
    unit : str or None
        Unit of the aggregate; None where it is the metric's.
    decimals : int or None
        Decimals that are shown; None where they are the metric's.
    in_title : bool
        Whether the report writes the words behind the metric's title.
    direction : str or None
        Which way is better; None where it is the metric's.
    range : tuple of 2 floats or None
        Values that the aggregate can have; None where they are the metric's.
    version : int
        Version of the aggregate itself; those above 1 end its definition's id.
    """

    title: str
    unit: str | None = None
    decimals: int | None = None
    in_title: bool = False
    direction: Direction | None = None
    range: tuple[float, float] | None = None
    version: int = 1


_SHARE = (0.0, 1.0)
_LENGTH = (0.0, math.inf)
_COEFFICIENT = (-1.0, 1.0)
_ANY = (-math.inf, math.inf)

#: Aggregates of a metric by suffix; the definition's id takes the suffix too: ``dice.v1/mean``.
AGGREGATES: dict[str, Aggregate] = {
    "_features": Aggregate("features", in_title=True),
    "_mean": Aggregate("mean"),
    "_gap_difference": Aggregate("difference of generalisation gaps", in_title=True, range=_ANY),
    "_difference": Aggregate("difference", in_title=True, range=_ANY),
    "_gap": Aggregate("generalisation gap (test minus internal test)", in_title=True, range=_ANY),
    "_spread": Aggregate("SD ratio to real", "1", 2, range=_LENGTH),
    "_ratio": Aggregate("ratio to real-versus-real", "1", 2, in_title=True, range=_LENGTH),
    "_quotient": Aggregate("ratio to another generator", "1", 2, in_title=True, range=_LENGTH),
    "_control": Aggregate("ratio to corrupted real cines", "1", 2, in_title=True, range=_LENGTH),
    "_reconstruction": Aggregate(
        "of reconstructions, ratio to real-versus-real", "1", 2, in_title=True, range=_LENGTH
    ),
    # Version 1 took rows for subjects, and lines through sets of too few of them.
    "_extrapolated": Aggregate("extrapolated to infinite sample size", range=_ANY, version=2),
    "_response": Aggregate("response to a corruption", "", range=_ANY),
    "_slope": Aggregate("change for a dose increase of 1", range=_ANY),
    "_trend": Aggregate("trend over doses", "", range=_COEFFICIENT),
    "_rank_tau": Aggregate("Kendall's τ of rankings", "1", range=_COEFFICIENT),
    "_rank": Aggregate("rank", "1", range=(1.0, math.inf)),
    "_first": Aggregate("fraction of replicates ranked first", "1", range=_SHARE),
    "_mixed": Aggregate("difference by a mixed model", range=_ANY),
    "_seed_sd": Aggregate("SD between training seeds", in_title=True, direction="lower", range=_LENGTH),
    "_mae": Aggregate("mean absolute", in_title=True, direction="lower", range=_LENGTH),
    "_sd": Aggregate("standard deviation", in_title=True, direction="lower", range=_LENGTH),
    "_loa_low": Aggregate("lower limit of agreement", in_title=True, range=_ANY),
    "_loa_high": Aggregate("upper limit of agreement", in_title=True, range=_ANY),
    "_r": Aggregate(
        "correlation of prediction and reference",
        "1",
        2,
        in_title=True,
        direction="higher",
        range=_COEFFICIENT,
    ),
    "_poor": Aggregate("fraction below 0.7", in_title=True, direction="lower", range=_SHARE),
    "_missed": Aggregate("fraction of structures missed", in_title=True, direction="lower", range=_SHARE),
}
#: Counts of samples that quality control rejected are named after the reason.
REJECTED = "rejected_"
#: The same of real cines that an autoencoder has reconstructed.
OF_RECONSTRUCTIONS = "reconstruction_"
#: Controllability of a phenotype: unit of its bias and limits of agreement, by suffix.
_REQUESTED_UNITS = {
    f"_{name}": POINTS if phenotype.unit == "%" else phenotype.unit for name, phenotype in PHENOTYPES.items()
}


def _declared() -> Iterator[Metric]:
    yield Metric("dice", "dice.native.v1", "Dice", "overlap", "1", "higher", 3, _SHARE, True, 0.01)
    yield Metric(
        "hd95",
        "hd95.maxdir.voxel.native.v1",
        "95 % Hausdorff distance",
        "overlap",
        "mm",
        "lower",
        1,
        _LENGTH,
        True,
        1.0,
    )
    yield Metric(
        "hd",
        "hd.maxdir.voxel.native.v1",
        "Hausdorff distance",
        "overlap",
        "mm",
        "lower",
        1,
        _LENGTH,
        True,
        2.0,
    )
    yield Metric(
        "assd",
        "assd.pooled.voxel.native.v1",
        "average symmetric surface distance",
        "overlap",
        "mm",
        "lower",
        2,
        _LENGTH,
        True,
        0.25,
    )
    yield Metric(
        "nsd",
        "nsd.surfel.2mm.native.v1",
        "normalised surface Dice at 2 mm",
        "overlap",
        "1",
        "higher",
        3,
        _SHARE,
        True,
        0.01,
    )
    yield from _on_the_grid()
    yield from _calibration()
    yield from _classification()
    yield from _regression()
    yield from _errors()
    yield from _distances()
    yield from _memorisation()
    yield from _cardiac_function()
    yield from _synthesis()
    yield from _phenotype_sampling()
    yield from _recovery()
    yield from _cost()
    yield from _generator_ranking()
    # The target of a row names the file (synthaug.partial).
    yield Metric("absent_result", "study.absent-file.v1", "declared result file that is absent", "study")


def _on_the_grid() -> Iterator[Metric]:
    """Overlap on the study's voxel grid, and what its resampling costs; secondary."""
    yield Metric("dice_grid", "dice.v1", "Dice on the study's grid", "grid", "1", "higher", 3, _SHARE)
    yield Metric(
        "hd95_grid",
        "hd95.maxdir.voxel.v1",
        "95 % Hausdorff distance on the study's grid",
        "grid",
        "mm",
        "lower",
        1,
        _LENGTH,
    )
    yield Metric(
        "dice_ceiling",
        "dice.ceiling.v1",
        "Dice of a perfect prediction on the study's grid",
        "grid",
        "1",
        "none",
        3,
        _SHARE,
    )


def _calibration() -> Iterator[Metric]:
    """Predicted probabilities against outcomes; exploratory."""
    yield Metric(
        "ece",
        "ece.foreground.15bins.native.v1",
        "expected calibration error",
        "calibration",
        "1",
        "lower",
        3,
        _SHARE,
    )


def _classification() -> Iterator[Metric]:
    """Diagnosis of a subject; endpoints of each subject, then statistics of an arm."""
    group: Group = "classification"
    yield Metric(
        "accuracy",
        "accuracy.top1.v1",
        "accuracy",
        group,
        "1",
        "higher",
        3,
        _SHARE,
        endpoint=True,
        margin=0.05,
    )
    yield Metric(
        "brier",
        "brier.multiclass.v1",
        "Brier score",
        group,
        "1",
        "lower",
        3,
        (0.0, 2.0),
        endpoint=True,
        margin=0.02,
    )
    yield Metric(
        "class_probability",
        "class-probability.v1",
        "predicted probability of a class",
        "predictions of subjects",
        "1",
        "none",
        3,
        _SHARE,
    )
    yield Metric(
        "balanced_accuracy",
        "balanced-accuracy.recall-mean.v1",
        "balanced accuracy",
        group,
        "1",
        "higher",
        3,
        _SHARE,
    )
    yield Metric(
        "auc", "auc.one-vs-rest.delong95.v1", "area under the ROC curve", group, "1", "higher", 3, _SHARE
    )
    yield Metric(
        "confusion",
        "confusion.row-share.v2",
        "share of a class predicted as another",
        group,
        "1",
        "none",
        3,
        _SHARE,
    )


def _regression() -> Iterator[Metric]:
    """Phenotypes of a subject; endpoint of each subject, then statistics of an arm."""
    group: Group = "regression"
    yield Metric(
        "absolute_error_sd",
        "absolute-error.training-sd.v1",
        "absolute error in SD of the training patients",
        group,
        "SD",
        "lower",
        3,
        _LENGTH,
        endpoint=True,
        margin=0.05,
    )
    yield Metric(
        "phenotype_error", "phenotype-error.signed.v1", "phenotype error", group, OF_TARGET, decimals=None
    )
    for name, definition, title in (
        ("predicted_phenotype", "phenotype.predicted.v1", "predicted phenotype"),
        ("reference_phenotype", "phenotype.reference.v1", "reference phenotype"),
    ):
        yield Metric(name, definition, title, "predictions of subjects", OF_TARGET, decimals=None)
    yield Metric(
        "r2",
        "r2.coefficient-of-determination.v1",
        "R², coefficient of determination",
        group,
        "1",
        "higher",
        3,
        (float("-inf"), 1.0),
    )


def _errors() -> Iterator[Metric]:
    """Errors of cardiac function, predicted minus reference."""
    for name, definition, title, unit in (
        ("edv_error_ml", "edv-error.signed.v1", "EDV error", "mL"),
        ("esv_error_ml", "esv-error.signed.v1", "ESV error", "mL"),
        ("sv_error_ml", "sv-error.signed.v2", "stroke volume error", "mL"),
        ("ef_error", "ef-error.signed.v1", "ejection fraction error", POINTS),
        ("mass_error_g", "mass-error.signed.v1", "myocardial mass error", "g"),
        ("wall_thickness_error_mm", "wall-thickness-error.signed.aha16.v1", "wall thickness error", "mm"),
        ("wall_thickening_error", "wall-thickening-error.signed.aha16.v1", "wall thickening error", POINTS),
    ):
        yield Metric(name, definition, title, "cardiac function errors", unit, decimals=1)
    for name, definition, title, unit in (
        ("edv_ml", "edv.predicted.v1", "predicted EDV", "mL"),
        ("esv_ml", "esv.predicted.v1", "predicted ESV", "mL"),
        ("sv_ml", "sv.predicted.v2", "predicted stroke volume", "mL"),
        ("ef", "ef.predicted.v1", "predicted ejection fraction", "%"),
        ("mass_g", "mass.predicted.v1", "predicted myocardial mass", "g"),
    ):
        yield Metric(name, definition, title, "predicted cardiac function", unit, decimals=0)


def _distances() -> Iterator[Metric]:
    for name, definition, title, decimals in (
        ("fid", "frechet.frames.v1", "FID", 2),
        ("kid", "kid.frames.v1", "KID", 4),
        ("cmmd", "cmmd.frames.v1", "CMMD", 3),
        ("fvd_t", "frechet.temporal.v1", "FVD-T", 2),
        ("fvd_s", "frechet.spatial.v1", "FVD-S", 2),
        ("f4d", "frechet.4d.v1", "F4D", 2),
        ("fid_basal", "frechet.frames.basal-third.v1", "FID, basal third", 2),
        ("fid_middle", "frechet.frames.middle-third.v1", "FID, middle third", 2),
        ("fid_apical", "frechet.frames.apical-third.v1", "FID, apical third", 2),
    ):
        yield Metric(name, definition, title, "distances", "", "lower", decimals)
    for name in ("precision", "recall", "density", "coverage"):
        limits = _LENGTH if name == "density" else _SHARE
        yield Metric(name, f"{name}.4d.k5.v2", name, "fidelity", "1", "higher", range=limits)
    text: tuple[tuple[str, str, str, Direction], ...] = (
        ("clipsim", "clipsim.images.v1", "CLIPSIM", "higher"),
        ("clipsim_real", "clipsim.images.real.v1", "CLIPSIM of real subjects (upper reference)", "none"),
        (
            "clipsim_other",
            "clipsim.images.other-text.v1",
            "CLIPSIM of real subjects with another subject's sentence (lower reference)",
            "none",
        ),
        ("clipsim_part", "clipsim.images.one-fact.v1", "CLIPSIM with one fact of the sentence", "higher"),
        (
            "clipsim_part_real",
            "clipsim.images.one-fact.real.v1",
            "CLIPSIM of real subjects with one fact of the sentence",
            "none",
        ),
    )
    for name, definition, title, direction in text:
        yield Metric(name, definition, title, "text agreement", "1", direction, 3)
    for name, title in (("temporal", "motion"), ("spatial", "anatomy")):
        yield Metric(
            f"mixing_{name}",
            f"mixing.{name}.5-nearest.v1",
            f"mixing of nearest neighbours, {title}",
            "mixing",
            "1",
        )


def _memorisation() -> Iterator[Metric]:
    """Scores of memorisation: in images, in an extractor's features and in a patient recogniser's embedding."""
    images: tuple[tuple[str, str, str, Direction], ...] = (
        (
            "copied_share",
            "copied.v3",
            "copies: as similar to a training patient as a re-scan of that patient",
            "lower",
        ),
        (
            "copied_share_real",
            "copied-held-out.v4",
            "held-out real patients who are copies by the same rule",
            "none",
        ),
        (
            "positive_control_found",
            "positive-control-exact.v4",
            "positive controls found: exact copies",
            "higher",
        ),
        (
            "positive_control_noisy_found",
            "positive-control-noisy.v3",
            "positive controls found: copies with noise",
            "higher",
        ),
        (
            "positive_control_mirrored_found",
            "positive-control-mirrored.v3",
            "positive controls found: mirror images",
            "higher",
        ),
        (
            "positive_control_turned_found",
            "positive-control-turned.v3",
            "positive controls found: copies turned by 90 degrees",
            "higher",
        ),
        (
            "positive_control_shifted_found",
            "positive-control-shifted.v3",
            "positive controls found: copies shifted in time",
            "higher",
        ),
        (
            "positive_control_tilted_found",
            "positive-control-tilted.v3",
            "positive controls found: copies turned by 5 degrees",
            "higher",
        ),
        (
            "positive_control_translated_found",
            "positive-control-translated.v2",
            "positive controls found: copies translated in the plane",
            "higher",
        ),
        (
            "positive_control_rotated_found",
            "positive-control-rotated.v2",
            "positive controls found: copies rotated by 20 degrees",
            "higher",
        ),
        (
            "positive_control_moved_found",
            "positive-control-moved.v2",
            "positive controls found: copies moved within the limits of augmentation",
            "higher",
        ),
        (
            "positive_control_disguised_found",
            "positive-control-disguised.v4",
            "positive controls found: re-scans, everything at once",
            "higher",
        ),
        (
            "unusually_near_share",
            "conformal.unusually-near.v2",
            "nearer to a training patient than a new patient would be (conformal p ≤ 0.05)",
            "lower",
        ),
        ("conformal_p", "conformal.median-p.v2", "conformal p of being as near, median", "none"),
        (
            "nearest_trained_share",
            "nearest-trained.v2",
            "nearest real patient is a training patient",
            "none",
        ),
        ("authenticity", "authenticity.v3", "authenticity", "higher"),
        ("nndr", "nndr.v3", "nearest-neighbour distance ratio (NNDR), median", "higher"),
    )
    for name, definition, title, direction in images:
        metric = Metric(
            name, f"memorisation.{definition}", title, "memorisation", "1", direction, range=_SHARE
        )
        yield metric
        for space in ("features", "recognition"):
            yield replace(
                metric,
                name=f"{name}_{space}",
                definition=f"memorisation.{space}.{definition}",
                title=f"{title}, {space}",
            )
    yield Metric(
        "c_t_features",
        "memorisation.features.data-copying.pca64.k3.v3",
        "data-copying C_T, features",
        "memorisation",
    )
    yield Metric(
        "membership_effect",
        "memorisation.membership-effect.v1",
        "effect of training with a patient on the similarity to the patient",
        "memorisation",
        "1",
        "lower",
        3,
    )
    yield Metric(
        "copies_dropped",
        "memorisation.copies-dropped.v1",
        "copies left out of the arms",
        "memorisation",
        "1",
        "lower",
        0,
    )


def _cardiac_function() -> Iterator[Metric]:
    """Cardiac function of synthetic subjects beside real training patients."""
    for structure in ("lv", "rv"):
        for quantity, title, unit in (
            ("edv", "EDV", "mL"),
            ("esv", "ESV", "mL"),
            ("sv", "stroke volume", "mL"),
            ("ef", "ejection fraction", "%"),
        ):
            name = f"function_{structure}_{quantity}" + ("_ml" if unit == "mL" else "")
            yield Metric(
                name,
                f"function.{quantity}.v1",
                f"{structure.upper()} {title}",
                "cardiac function",
                unit,
                decimals=0,
            )
    for name, definition, title, unit, decimals in (
        ("myo_mass_g", "mass.v1", "myocardial mass", "g", 0),
        ("wall_thickness_mm", "wall-thickness.aha16.v1", "wall thickness at ED", "mm", 1),
        ("wall_thickening", "wall-thickening.aha16.v1", "wall thickening", "%", 0),
        ("peak_ejection_rate", "peak-ejection-rate.h5.v1", "LV peak ejection rate", "EDV/beat", 1),
        ("peak_filling_rate", "peak-filling-rate.h5.v1", "LV peak filling rate", "EDV/beat", 1),
    ):
        yield Metric(
            f"function_{name}",
            f"function.{definition}",
            title,
            "cardiac function",
            unit,
            decimals=decimals,
        )


def _synthesis() -> Iterator[Metric]:
    """Controllability, mask agreement and acceptance of a generator."""
    yield Metric(
        "controllability_r",
        "controllability.pearson.v3",
        "controllability: Pearson's r",
        "controllability",
        "1",
        "higher",
        None,
        _COEFFICIENT,
    )
    for name, definition, title in (
        ("bias", "bias", "bias"),
        ("loa_low", "loa", "lower limit of agreement"),
        ("loa_high", "loa", "upper limit of agreement"),
    ):
        yield Metric(
            f"controllability_{name}",
            f"controllability.{definition}.v2",
            f"controllability: {title}",
            "controllability",
            "mL",
            decimals=None,
        )
    for name, title, unit, direction, decimals, limits in (
        ("dice", "Dice of masks and images", "1", "higher", 3, _SHARE),
        ("hd95", "HD95 of masks and images", "mm", "lower", 1, _LENGTH),
    ):
        metric = Metric(
            f"mask_agreement_{name}",
            f"mask-agreement.{name}.v1",
            title,
            "mask agreement",
            unit,
            "higher" if direction == "higher" else "lower",
            decimals,
            limits,
        )
        yield metric
        yield replace(
            metric,
            name=f"{metric.name}_real",
            definition=f"mask-agreement.{name}.real-validation.v1",
            title=f"{title}, real validation patients",
            direction="none",
        )
        yield replace(
            metric,
            name=f"requested_mask_{name}",
            definition=f"requested-mask.{name}.v1",
            title=title.replace("masks and images", "requested masks and images"),
        )
    for name, title in (
        ("ssim", "SSIM"),
        ("nmi", "normalised mutual information"),
        ("ncc", "normalised cross-correlation"),
    ):
        for reference, of in (
            ("", "two contrasts of one heart"),
            ("_reseeded", "one contrast, another seed"),
            ("_other", "two contrasts of two hearts"),
            ("_real", "two contrasts of one real patient"),
            ("_real_other", "two contrasts of two real patients"),
        ):
            yield Metric(
                f"contrast_{name}{reference}",
                # Version 1 of the correlation gave rounding errors where a cine has no contrast.
                f"contrast-consistency.{name}{reference.replace('_', '.')}.v{2 if name == 'ncc' else 1}",
                f"{title}, {of}",
                "contrast consistency",
                "1",
                "none" if reference else "higher",
            )
    yield Metric(
        "contrast_fid",
        "frechet.frames.of-contrast.v1",
        "FID of one contrast",
        "contrast consistency",
        "",
        "lower",
    )
    for name, kind, of_what in (
        ("attention", "attention", "attention to a word"),
        ("word_effect", "word-effect", "effect of a word on the image"),
    ):
        for measure, title in (
            ("mass", f"share of the {of_what} in the region that it names"),
            ("pointing", f"largest {of_what} in the region that it names (pointing game)"),
        ):
            for suffix, of in (
                ("", ""),
                ("_chance", ", an even map"),
                ("_excess", ", difference to an even map"),
                ("_others", ", words that name other regions"),
                ("_specific", ", difference to words that name other regions"),
            ):
                yield Metric(
                    f"{name}_{measure}{suffix}",
                    # Version 1 of attention took the first requests of all, in which walls are hardly named.
                    f"{kind}.{measure}.field{suffix.replace('_', '.')}.v{2 if name == 'attention' else 1}",
                    title + of,
                    "attention",
                    "1",
                    "none" if suffix in ("_chance", "_others") else "higher",
                )
    for name, title in (
        ("class", "nearest attention map of a word is of the same diagnosis"),
        ("class_image", "nearest image is of the same diagnosis"),
    ):
        for suffix, of in (("", ""), ("_chance", ", by chance"), ("_excess", ", difference to chance")):
            yield Metric(
                f"attention_{name}{suffix}",
                f"attention.{name.replace('_', '.')}.nearest{suffix.replace('_', '.')}.v1",
                title + of,
                "attention",
                "1",
                "none" if suffix == "_chance" or "image" in name else "higher",
            )
    yield Metric(
        "acceptance_rate",
        "acceptance.samples.wilson95.v1",
        "acceptance rate",
        "quality control",
        "1",
        "higher",
        range=_SHARE,
    )
    yield Metric(
        "reconstruction_acceptance_rate",
        "reconstruction.acceptance.samples.wilson95.v1",
        "acceptance rate of reconstructions",
        "quality control",
        "1",
        "higher",
        range=_SHARE,
    )


def _phenotype_sampling() -> Iterator[Metric]:
    """Phenotypes drawn from a model beside those of real patients."""
    group: Group = "phenotype sampling"
    rows: tuple[tuple[str, str, str, str, Direction, int, tuple[float, float] | None], ...] = (
        (
            "phenotype_mean_difference",
            "mean-difference.v1",
            "standardised mean difference",
            "SD",
            "none",
            2,
            None,
        ),
        ("phenotype_wasserstein", "wasserstein-1.v2", "Wasserstein distance", "SD", "lower", 3, _LENGTH),
        (
            "phenotype_correlation_difference",
            "correlation-difference.v2",
            "mean absolute difference of correlations",
            "1",
            "lower",
            3,
            (0.0, 2.0),
        ),
        ("phenotype_frechet", "frechet.v1", "Fréchet distance of phenotypes", "", "lower", 3, _LENGTH),
        (
            "phenotype_impossible_share",
            "impossible.wilson95.v1",
            "drawn hearts that cannot be",
            "1",
            "lower",
            3,
            _SHARE,
        ),
        (
            "phenotype_unusually_near_share",
            "conformal.unusually-near.v1",
            "phenotypes nearer to a training patient's than a new patient's would be (conformal p ≤ 0.05)",
            "1",
            "lower",
            2,
            _SHARE,
        ),
        (
            "phenotype_conformal_p",
            "conformal.median-p.v1",
            "conformal p of phenotypes being as near, median",
            "1",
            "none",
            2,
            _SHARE,
        ),
    )
    for name, definition, title, unit, direction, decimals, limits in rows:
        yield Metric(name, f"phenotypes.{definition}", title, group, unit, direction, decimals, limits)


def _recovery() -> Iterator[Metric]:
    """What was requested, as classifiers and a segmenter that saw real patients only find it in synthetic cines."""
    group: Group = "recovery"
    for name, definition, title in (
        ("diagnosis_recovery", "diagnosis.network", "requested diagnosis recovered by the network"),
        (
            "diagnosis_recovery_forest",
            "diagnosis.forest",
            "requested diagnosis recovered by the random forest",
        ),
        ("ef_category_recovery", "ef-category.segmenter", "requested EF category recovered by measurement"),
    ):
        for suffix, part, words in (
            ("", "accuracy", "accuracy"),
            ("_balanced", "recall-mean", "balanced accuracy"),
        ):
            metric = Metric(
                f"{name}{suffix}",
                f"recovery.{definition}.{part}.v1",
                f"{title}, {words}",
                group,
                "1",
                "higher",
                3,
                _SHARE,
            )
            yield metric
            for ending, version, reference in (
                ("_real", "real-test", "on real test patients (upper reference)"),
                ("_chance", "chance", "without looking (lower reference)"),
            ):
                # Version 1 of the EF category counted visits of real patients.
                number = 2 if (name, version) == ("ef_category_recovery", "real-test") else 1
                yield replace(
                    metric,
                    name=f"{metric.name}{ending}",
                    definition=f"recovery.{definition}.{part}.{version}.v{number}",
                    title=f"{metric.title}, {reference}",
                    direction="none",
                )
        yield Metric(
            f"{name.replace('recovery', 'recovered_as')}",
            f"recovery.{definition}.row-share.v1",
            f"{title}, share of a requested class recovered as another",
            group,
            "1",
            "none",
            3,
            _SHARE,
        )


def _cost() -> Iterator[Metric]:
    """Time of a generator on the machine of the run."""
    for name, definition, title in (
        ("training_seconds", "training.all-models.v1", "time of training, all models of the generator"),
        ("sampling_seconds", "sampling.job.v1", "time of sampling a cine"),
    ):
        yield Metric(name, f"cost.{definition}", title, "cost", "s", "lower", None, _LENGTH)


def _generator_ranking() -> Iterator[Metric]:
    """The generators of a study side by side, criterion by criterion; the target of a row names the criterion."""
    group: Group = "generator ranking"
    yield Metric(
        "generator_criterion", "ranking.mean-of-runs.v3", "criterion", group, OF_TARGET, decimals=None
    )
    yield Metric(
        "generator_difference",
        "ranking.request-pairs.bootstrap.v2",
        "difference of two generators over the same requests",
        group,
        OF_TARGET,
        decimals=None,
    )
    yield Metric("generator_rank", "ranking.rank.intervals.v3", "rank", group, "1", "lower", 1)
    for name, definition, title in (
        ("generator_rank_kept", "rank-kept.intervals.v3", "fraction of replicates with the same rank"),
        ("generator_first", "first.intervals.v3", "fraction of replicates ranked first"),
        (
            "generator_order_kept",
            "order-kept.intervals.v3",
            "fraction of replicates with the same order of all",
        ),
    ):
        yield Metric(name, f"ranking.{definition}", title, group, "1", "none", 2, _SHARE)


METRICS: dict[str, Metric] = {metric.name: metric for metric in _declared()}
#: Metrics that may be primary or in the family of tests.
ENDPOINTS: tuple[str, ...] = tuple(name for name, metric in METRICS.items() if metric.endpoint)


def in_group(group: Group) -> tuple[str, ...]:
    """Names of a group's metrics, in the order of the registry."""
    return tuple(name for name, metric in METRICS.items() if metric.group == group)


def split_name(name: str) -> tuple[str, str]:
    """Name of a result row's metric, split into a declared metric and a suffix.

    Parameters
    ----------
    name : str
        Such as ``dice``, ``dice_mean``, ``fid_ratio``, ``controllability_r_lv_edv_ml``.

    Returns
    -------
    tuple of 2 str
        The longest declared name that it begins with, and the rest. Of an undeclared name only the suffix of an
        aggregate is split off.
    """
    found = [known for known in METRICS if name == known or name.startswith(f"{known}_")]
    if not found:
        suffix = next((suffix for suffix in AGGREGATES if name.endswith(suffix)), "")
        return name.removesuffix(suffix), suffix
    base = max(found, key=len)
    return base, name.removeprefix(base)


def largest_difference(name: str) -> float:
    """How far two values of a metric can lie apart; infinite where it has no bounds. `name` may be that of an aggregate."""
    metric = METRICS.get(split_name(name)[0])
    return metric.range[1] - metric.range[0] if metric is not None and metric.range else math.inf


def limits_of(name: str) -> tuple[float, float]:
    """Least and greatest value of a metric, or of an aggregate of one; infinite where it has no bounds."""
    found = find_metric(name)
    return found.range if found is not None and found.range else _ANY


def find_metric(name: str) -> Metric | None:
    """What a metric of a result row is, aggregates included; None where nothing is declared.

    An aggregate, named by a suffix such as ``_mean``, takes definition and unit from its metric.
    """
    for prefix, definition in ((REJECTED, "gate"), (OF_RECONSTRUCTIONS + REJECTED, "reconstruction.gate")):
        if name.startswith(prefix):
            reason = name.removeprefix(prefix)
            return Metric(name, f"{definition}.{reason}.count.v1", reason, "quality control", "1", "lower", 0)
    base, suffix = split_name(name)
    return _aggregate(METRICS[base], suffix) if base in METRICS else None


def columns_of(metric: str, suffix: str = "") -> dict[str, str]:
    """Columns `metric`, `definition`, `unit` and `direction` of a result row.

    Parameters
    ----------
    metric : str
        A name in `METRICS`.
    suffix : str
        Of an aggregate, such as ``"_mean"``.
    """
    found = _aggregate(METRICS[metric], suffix)
    return {
        "metric": found.name,
        "definition": found.definition,
        "unit": found.unit,
        "direction": found.direction,
    }


def nearest_endpoint(name: str) -> str:
    """What to write instead of a name that is no endpoint: the nearest one, or all of them."""
    near = difflib.get_close_matches(name, ENDPOINTS, n=1, cutoff=0.4)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(ENDPOINTS)}"


def _aggregate(metric: Metric, suffix: str) -> Metric:
    if not suffix:
        return metric
    aggregate = AGGREGATES.get(suffix, Aggregate(suffix.replace("_", " ").strip()))
    unit = metric.unit if aggregate.unit is None else aggregate.unit
    if unit == "mL":
        unit = _REQUESTED_UNITS.get(suffix, unit)
    if unit == "%" and suffix in ("_difference", "_gap", "_gap_difference"):
        unit = POINTS
    return replace(
        metric,
        name=metric.name + suffix,
        definition=metric.definition
        + suffix.replace("_", "/", 1)
        + (f".v{aggregate.version}" if aggregate.version > 1 else ""),
        title=f"{metric.title}, {aggregate.title}" if aggregate.in_title else metric.title,
        unit=unit,
        direction=aggregate.direction or metric.direction,
        range=aggregate.range or metric.range,
        decimals=metric.decimals if aggregate.decimals is None else aggregate.decimals,
    )


def markdown() -> str:
    """The registry as the table that ``docs/metrics.md`` shows."""
    lines = ["| metric | title | definition | unit | better | group |", "|---|---|---|---|---|---|"]
    for metric in METRICS.values():
        cells = (
            f"`{metric.name}`",
            metric.title,
            f"`{metric.definition}`",
            metric.unit,
            "" if metric.direction == "none" else metric.direction,
            metric.group,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def documented(text: str) -> str:
    """The document `text` with its table of metrics as they are now."""
    before, rest = text.split(_BEGIN, 1)
    return f"{before}{_BEGIN}\n{markdown()}{_END}{rest.split(_END, 1)[1]}"


if __name__ == "__main__":
    _DOCUMENT.write_text(documented(_DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
