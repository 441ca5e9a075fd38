"""Requests to the generators, and quality control of their samples."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from synthaug.config.base import Settings
from synthaug.config.paths import PathText

Seed = Annotated[int, Field(ge=0)]


class RequestSettings(Settings):
    """Requests to the generators."""

    source: Literal["real", "balanced", "training", "table", "cohort"] = Field(
        "real",
        description=(
            "Origin of the requests: `real`: joint distribution of the fold's training subjects; `balanced`: the same "
            "with equal numbers of every diagnosis; `training`: the fold's labelled training subjects as they are, with their "
            "masks and with the phenotypes that the models read; `table`: rows of a table; `cohort`: subjects of a folder, with their masks."
        ),
    )
    table: PathText | None = Field(
        None,
        description=(
            "TSV of requests for source `table`: any of the columns diagnosis, vendor, lv_edv_ml, lv_esv_ml, "
            "myo_mass_g, n_slices, es_phase, sentence, sex, age, height_cm, weight_kg, lv_ef, rv_edv_ml, rv_esv_ml, "
            "rv_ef and `phenotypes`; an empty field is left open. Repeated if more rows are needed."
        ),
    )
    cohort: PathText | None = Field(
        None,
        description=(
            "Folder for source `cohort`: requests, or a real or synthetic cohort on the study's grid whose table and "
            "masks are requested. Repeated if more are needed."
        ),
    )
    images: bool = Field(
        False,
        description=(
            "Also hand over the cines of source `cohort` or `training`: a generator with a control branch of "
            "`structure: canny` takes its edges from them. A subject that resembles its source is then no surprise."
        ),
    )
    class_from_sentence: bool = Field(
        False,
        description=(
            "Leave the diagnosis of a request open to a generator that reads its sentence: the sentence alone says it. Recovery "
            "compares with the diagnosis that was requested, as ever. Generators that read no sentences are given what they are "
            "given without."
        ),
    )
    phenotypes: tuple[str, ...] = Field(
        (), description="Further columns of the table, read by a user-supplied generator."
    )
    sampler: str | None = Field(
        None,
        description=(
            "Model of phenotypes among `models` (kinds phenotype_vae and phenotype_copula) that draws the phenotypes of each "
            "request, volumes and mass included, given the diagnosis of a real subject (sources `real` and `balanced`). "
            "None: volumes and mass are drawn around real subjects, and other phenotypes stay open."
        ),
    )
    smoothing: float = Field(
        0.5,
        ge=0,
        le=2,
        description=(
            "Width of the kernel around each real subject in log EDV, logit EF and log mass, in multiples of "
            "Silverman's bandwidth; 0 requests exactly the real volumes and masses."
        ),
    )
    edv_range_ml: tuple[float, float] = Field(
        (40.0, 500.0), description="Smallest and largest requested LV end-diastolic volume (mL)."
    )
    ef_range_percent: tuple[float, float] = Field(
        (5.0, 80.0), description="Smallest and largest requested LV ejection fraction (%)."
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> RequestSettings:
        for source, given in (("table", self.table), ("cohort", self.cohort)):
            if (self.source == source) != (given is not None):
                raise ValueError(f"`{source}` is given exactly when `source: {source}`; set both or neither")
        if self.images and self.source not in ("cohort", "training"):
            raise ValueError(f"images belong to source cohort or training; source {self.source} has none")
        if self.sampler and self.source not in ("real", "balanced"):
            raise ValueError(
                f"sampler draws requests, source {self.source} reads them; leave out one of them"
            )
        _check_range("edv_range_ml", self.edv_range_ml, float("inf"))
        _check_range("ef_range_percent", self.ef_range_percent, 100)
        return self


class GateSettings(Settings):
    """What a synthetic sample must show to be accepted; every frame of it counts.

    A sample without masks is judged by its image only: intensities, their span, and the correlation of neighbouring
    slices.

    The thresholds catch what no heart looks like, not what looks unlike the average: a gate that
    also selects for beauty would hide how good the generator is. They leave room beyond real hearts:
    at ED and ES, 14 annotated DCM patients of ACDC reach myo_enclosure 0.99, slice_correlation 0.26,
    slice_shift_mm 28, blood_contrast 0.21 and an ejection fraction of 5 %.
    """

    enabled: bool = Field(
        True,
        description="Quality control of the samples; `false`: every sample that can be stored is accepted.",
    )
    attempts: int = Field(
        3, ge=1, le=20, description="Largest number of samples per request until one is accepted."
    )
    minimum_accepted: float = Field(
        0.5, gt=0, le=1, description="Fraction of the requests that must be met; otherwise the study stops."
    )
    minimum_lv_ml: float = Field(
        2.0, ge=0, description="Smallest LV cavity in any frame (mL); below it the cavity counts as absent."
    )
    minimum_myo_ml: float = Field(
        15.0, ge=0, description="Smallest myocardium in any frame (mL); below it the wall counts as absent."
    )
    largest_lv_piece: float = Field(
        0.9,
        gt=0,
        le=1,
        description="Smallest fraction of the LV cavity that lies in its largest connected component.",
    )
    lv_slice_gaps: int = Field(
        0,
        ge=0,
        description="Largest number of slices without LV cavity between its first and its last slice.",
    )
    myo_enclosure: float = Field(
        0.7,
        ge=0,
        le=1,
        description="Smallest fraction of the in-plane border pixels of the LV cavity that are myocardium.",
    )
    ed_volume: float = Field(
        0.9,
        gt=0,
        le=1,
        description="Smallest LV volume of frame 0 (ED) as a fraction of the largest of all frames.",
    )
    systoles: int = Field(
        1,
        ge=1,
        description="Largest number of contractions per cycle: dips of the LV volume by at least a third of its range.",
    )
    curve_roughness: float = Field(
        1.5,
        ge=1,
        description=(
            "Largest total variation of the cyclic LV volume curve, as a multiple of that of one smooth "
            "contraction and filling (1)."
        ),
    )
    ef_range_percent: tuple[float, float] = Field(
        (3.0, 85.0),
        description="Smallest and largest LV ejection fraction of the masks (%); severe DCM can have 5 %.",
    )
    slice_shift_mm: float = Field(
        40.0,
        gt=0,
        description=(
            "Largest in-plane distance between the LV centres of neighbouring slices (mm); breath-hold "
            "misregistration reaches 28 mm in real cines."
        ),
    )
    slice_correlation: float = Field(
        0.1, ge=-1, lt=1, description="Smallest correlation between the ED images of neighbouring slices."
    )
    intensity_span: float = Field(
        0.3,
        ge=0,
        lt=1,
        description="Smallest distance between the 1st and 99th percentile of the intensities.",
    )
    blood_contrast: float = Field(
        0.1, lt=1, description="Smallest mean intensity of the LV cavity minus that of the myocardium."
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> GateSettings:
        _check_range("ef_range_percent", self.ef_range_percent, 100)
        return self


class SweepSettings(Settings):
    """Condition sweep: requests past the training range, for controllability only; no arm trains on them."""

    levels: int = Field(
        5,
        ge=0,
        le=20,
        description=(
            "Levels of LV end-diastolic volume (log-spaced) and of ejection fraction, fully crossed: 5 levels are 25 "
            "requests per generator and fold, first generator seed only. 0 switches the sweep off."
        ),
    )
    beyond: float = Field(
        0.1,
        ge=0,
        lt=0.5,
        description=(
            "Extension of the sweep past the fold's training patients: volumes and mass by this fraction of the smallest "
            "and largest value, the ejection fraction by this fraction of its range at either end."
        ),
    )

    @field_validator("levels")
    @classmethod
    def _has_two_ends(cls, levels: int) -> int:
        if levels == 1:
            raise ValueError("levels is 1; give at least 2, or 0 for no sweep")
        return levels


class CopySettings(Settings):
    """Handling of synthetic subjects that are copies of training patients; definition: docs/metrics.md."""

    action: Literal["keep", "drop", "stop"] = Field(
        "keep",
        description=(
            "`keep`: report only; `drop`: exclude them from the arms and report their number; `stop`: refuse the arms of "
            "a cohort with more than `maximum`. A copy is as similar to a training patient as a re-scan of that patient; "
            "a subject that is only nearer than a new patient would be is reported and not excluded."
        ),
    )
    maximum: float = Field(
        0.1, ge=0, lt=1, description="Largest fraction of copies in a synthetic cohort, for `stop`."
    )


class ReconstructionCheckSettings(Settings):
    """Reconstruction required of an autoencoder before a generator is trained on its latents."""

    psnr_db: float = Field(
        20.0, ge=0, description="Smallest peak signal-to-noise ratio of validation patients' images, in dB."
    )
    ssim: float = Field(0.5, ge=-1, le=1, description="Smallest structural similarity of the same images.")
    dice: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Smallest Dice of the decoded masks, mean over structures; not required without labelled validation "
        "frames or decoded masks.",
    )
    fid_ratio: float = Field(
        5.0,
        gt=0,
        description="Largest FID between real training subjects and reconstructions of others, as a ratio to "
        "real-versus-real, by the first of `evaluation.extractors`; not required without an extractor or with fewer "
        "than 8 training subjects.",
    )
    accepted: float = Field(
        0.3,
        ge=0,
        le=1,
        description="Smallest share of reconstructed training cines that passes quality control: no generator on these latents "
        "is likely to exceed it.",
    )


class SynthesisSettings(Settings):
    """Bulk synthesis: how much, which hearts, and the quality gate."""

    subjects: int = Field(
        100,
        ge=1,
        description=(
            "Synthetic subjects per generator, fold and seed. Request more than the largest dose needs: "
            "an arm with too few accepted ones is refused."
        ),
    )
    generator_seeds: tuple[Seed, ...] = Field(
        (0,), min_length=1, description="Generator seeds; one synthetic cohort each."
    )
    chunk_size: int = Field(
        16,
        ge=1,
        le=1000,
        description=(
            "Requests per job; a killed job loses one chunk. From the 65th job of a cohort on the size doubles every 32 jobs, "
            "up to 64 times this one. Another size is refused while chunks of this one are there: all would be sampled again."
        ),
    )
    batch_size: int = Field(4, ge=1, description="Subjects sampled together; changes speed and memory only.")
    requests: RequestSettings = Field(
        default_factory=RequestSettings, description="Requests to the generators."
    )
    gate: GateSettings = Field(default_factory=GateSettings, description="Quality control of the samples.")
    sweep: SweepSettings = Field(
        default_factory=SweepSettings, description="Condition sweep: controllability past the training range."
    )
    reconstruction_check: ReconstructionCheckSettings = Field(
        default_factory=ReconstructionCheckSettings,
        description="Required reconstruction; below it the study stops before a generator is trained.",
    )
    copies: CopySettings = Field(
        default_factory=CopySettings, description="Handling of copies of training patients."
    )


def _check_range(name: str, bounds: tuple[float, float], largest: float) -> None:
    low, high = bounds
    if not 0 < low < high < largest:
        raise ValueError(f"{name} is [{low:g}, {high:g}]; give a smaller and a larger value above 0")
