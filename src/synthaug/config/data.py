"""Configuration of the data side: datasets, the common grid, the split."""

from __future__ import annotations

import itertools
import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from synthaug.config.base import Settings
from synthaug.config.interpolations import FrameInterpolation, Interpolation
from synthaug.config.paths import PathText
from synthaug.config.phantom import PhantomSettings
from synthaug.config.plugins import ClassSettings
from synthaug.views import SHORT_AXIS, View

Structure = Literal["LV", "MYO", "RV"]
#: Columns of a table of phenotypes that are none.
RESERVED_COLUMNS = ("subject", "patient", "missing")
#: Voxels of a common grid, mm: finer than any scanner's, and coarser than a wall is thick.
_GRID_MM = (0.1, 50.0)
_PHENOTYPE = re.compile(r"[a-z][a-z0-9_]*")


class PhenotypeTableSettings(Settings):
    """A user's own table of phenotypes, one row a subject or patient."""

    table: PathText = Field(
        description="Text table with a header; commas, semicolons, tabs or bars separate its columns."
    )
    id: str = Field(
        description="Its column with the id of the subject or patient, with or without the dataset's name before it."
    )
    columns: dict[str, str] = Field(
        min_length=1,
        description=(
            "Phenotype by the table's column, e.g. `LVEDV: lv_edv_ml`: a name of docs/phenotypes.md, whose measured values "
            "are replaced, or a new name. Only these columns are read."
        ),
    )

    @field_validator("columns")
    @classmethod
    def _names_are_columns(cls, columns: dict[str, str]) -> dict[str, str]:
        names = list(columns.values())
        for name in names:
            if not _PHENOTYPE.fullmatch(name) or name in RESERVED_COLUMNS:
                raise ValueError(
                    f"{name!r} is no name of a phenotype; use lower-case letters, digits and underscores, and none of "
                    f"{', '.join(RESERVED_COLUMNS)}"
                )
            if names.count(name) > 1:
                raise ValueError(f"two columns are {name!r}; keep one of them")
        return columns


class ReportTableSettings(Settings):
    """A user's own table of free-text reports, one row a subject or patient."""

    table: PathText = Field(
        description="Text table with a header; commas, semicolons, tabs or bars separate its columns."
    )
    id: str = Field(
        description="Its column with the id of the subject or patient, with or without the dataset's name before it."
    )
    text: str = Field(
        description=(
            "Its column with the text, which is the subject's sentence in place of one written from its facts; subjects "
            "without text keep the written one."
        )
    )


class RawDatasetSettings(Settings):
    """What every dataset has, whatever its layout: where it lies, what its files do not say, what it is for."""

    #: Whether `synthaug.phantom` writes this layout, and several visits of a patient in it.
    has_phantom: ClassVar[bool] = False
    has_phantom_visits: ClassVar[bool] = False

    root: PathText | None = Field(None, description="Folder of the raw dataset; or give `phantom`.")
    phantom: PhantomSettings | None = Field(
        None,
        description="Simulate the dataset instead of reading one (all layouts but `plugin`).",
    )
    vendor: str | None = Field(
        None, description="Scanner vendor of the subjects whose files do not name one; ACDC never does."
    )
    centre: str | None = Field(None, description="Centre of the subjects whose files do not name one.")
    spacing_mm: tuple[float, float, float] | None = Field(
        None,
        description=(
            "Voxel size (z, y, x) in mm of subjects whose files do not settle it: lost, impossible or contradictory headers; "
            "without it they are quarantined. A size that the files agree on takes precedence."
        ),
    )
    split: bool = Field(
        True,
        description=(
            "Its patients train, validate and test. `false`: they are in no split and are used only by a generator "
            "of kind `real`."
        ),
    )
    phenotypes: PhenotypeTableSettings | None = Field(
        None, description="The user's own table of phenotypes; they stand beside the measured ones."
    )
    reports: ReportTableSettings | None = Field(
        None, description="The user's own reports, read where a model of the study reads text."
    )
    exclude: dict[str, Annotated[str, Field(min_length=1)]] = Field(
        {},
        description=(
            "Subjects or patients that the study leaves out, by the id they have in the files, each with the reason: "
            "`{patient004: half of the heart lies outside of the image}`. The report lists them among the excluded."
        ),
    )
    minimum_subjects: int = Field(
        4, ge=1, description="The study stops if fewer subjects than this can be used."
    )

    @property
    def shows(self) -> View:
        """What its cines show: the key `view`, of layouts that have several."""
        view: View = getattr(self, "view", SHORT_AXIS)
        return view

    @field_validator("spacing_mm")
    @classmethod
    def _spacing_is_positive(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        return _positive(value)

    @model_validator(mode="after")
    def _one_source(self) -> RawDatasetSettings:
        if (self.root is None) == (self.phantom is None):
            raise ValueError("a dataset has either a root or a phantom; set exactly one of them")
        if self.phantom is not None and not self.has_phantom:
            raise ValueError(
                "the phantom does not write this layout; give a root, or choose a layout of a public dataset"
            )
        if self.phantom is not None and self.phantom.every_vendor and not self.has_phantom_visits:
            raise ValueError(
                "phantom.every_vendor writes visits of a patient, which this layout does not have; set `layout: nifti`"
            )
        return self


class AcdcSettings(RawDatasetSettings):
    """ACDC as it is published, or a phantom written that way."""

    implementation: ClassVar[str] = "synthaug.data.readers.acdc:AcdcReader"
    has_phantom: ClassVar[bool] = True

    layout: Literal["acdc"] = Field(description="How the files are named and where the metadata are.")


class MnmsSettings(RawDatasetSettings):
    """M&Ms as it is published, or a phantom written that way."""

    implementation: ClassVar[str] = "synthaug.data.readers.mnms:MnmsReader"
    has_phantom: ClassVar[bool] = True

    layout: Literal["mnms"] = Field(description="How the files are named and where the metadata are.")


class Mnms2Settings(RawDatasetSettings):
    """M&Ms-2 as it is published, or a phantom written that way."""

    implementation: ClassVar[str] = "synthaug.data.readers.mnms2:Mnms2Reader"
    has_phantom: ClassVar[bool] = True

    layout: Literal["mnms2"] = Field(description="How the files are named and where the metadata are.")
    view: Literal["short_axis", "long_axis"] = Field(
        "short_axis",
        description=(
            "`short_axis`: the stack; `long_axis`: the four-chamber slice, of which no volumes, masses or wall segments are "
            "measured. All datasets of a study have one view; a long axis has `harmonisation.matrix: [1, y, x]`."
        ),
    )


class NiftiSettings(RawDatasetSettings):
    """A folder of NIfTI cines with a table, as docs/adding-a-dataset.md lays it out."""

    implementation: ClassVar[str] = "synthaug.data.readers.nifti_folder:NiftiReader"
    has_phantom: ClassVar[bool] = True
    has_phantom_visits: ClassVar[bool] = True

    layout: Literal["nifti"] = Field(description="How the files are named and where the metadata are.")
    columns: dict[str, str] = Field(
        default_factory=dict,
        description=(
            "Column of the dataset's table for a column of the cohort, e.g. `vendor: Manufacturer`."
        ),
    )
    view: Literal["short_axis", "other"] = Field(
        "short_axis",
        description=(
            "`short_axis`: stacks of a heart. `other`: images of another organ (BraTS): kept as stored, any voxel size, no labels "
            "read, nothing of a heart checked or measured. All datasets of a study have one view."
        ),
    )
    label_map: dict[int, Structure | Literal["background"]] = Field(
        default_factory=dict,
        description=(
            "Structure of each label in the files, `background` for structures beyond the three; empty: 1 LV, 2 MYO, 3 RV."
        ),
    )
    single_frame: bool = Field(
        False,
        description=(
            "Also take images of one frame (static sequences): every frame of the harmonised cine is that image. The "
            "column `sequence` of the table says which sequence it is."
        ),
    )


class DicomDatasetSettings(RawDatasetSettings):
    """What every dataset of DICOM files has."""

    series: str | None = Field(
        None,
        description=(
            "Regular expression that the description of a series, or its protocol, must contain to be read. By default all "
            "are looked at, and the largest set of parallel cine slices is the stack."
        ),
    )
    pseudonyms: bool = Field(
        False,
        description=(
            "Names of folders are pseudonyms, which may be shown although headers have them as patient id. Otherwise the "
            "subject of such a folder is called by a hash."
        ),
    )

    @field_validator("series")
    @classmethod
    def _series_is_an_expression(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"{value!r} is no regular expression: {error}") from None
        return value


class DicomSettings(DicomDatasetSettings):
    """A folder a subject with DICOM files anywhere below, as docs/adding-a-dataset.md lays it out."""

    implementation: ClassVar[str] = "synthaug.data.readers.dicom_folder:DicomReader"
    has_phantom: ClassVar[bool] = True

    layout: Literal["dicom"] = Field(description="How the files are named and where the metadata are.")
    columns: dict[str, str] = Field(
        default_factory=dict,
        description=(
            "Column of the dataset's table for a column of the cohort, e.g. `ed_frame: ED`; the table is optional."
        ),
    )


class DsbSettings(DicomDatasetSettings):
    """Data Science Bowl 2015 (Kaggle) as it is published, or a phantom written that way."""

    implementation: ClassVar[str] = "synthaug.data.readers.dsb:DsbReader"
    has_phantom: ClassVar[bool] = True

    layout: Literal["dsb"] = Field(description="How the files are named and where the metadata are.")
    pseudonyms: bool = Field(
        True, description="The ids of the competition are pseudonyms, which may be shown."
    )


class SunnybrookSettings(DicomDatasetSettings):
    """Sunnybrook Cardiac Data as it is published, or a phantom written that way."""

    implementation: ClassVar[str] = "synthaug.data.readers.sunnybrook:SunnybrookReader"
    has_phantom: ClassVar[bool] = True

    layout: Literal["sunnybrook"] = Field(description="How the files are named and where the metadata are.")
    pseudonyms: bool = Field(True, description="The published ids are pseudonyms, which may be shown.")
    first_pixel: float = Field(
        1.0,
        description=(
            "Coordinate of the centre of the first pixel in contour files: 1 as in MATLAB, in which the challenge evaluates "
            "contours; 0 as in C; 0.5 where the corner of the image is 0."
        ),
    )


class UkbSettings(DicomDatasetSettings):
    """Exports in the style of UK Biobank, or a phantom written that way: an archive or a folder a participant and visit."""

    implementation: ClassVar[str] = "synthaug.data.readers.ukb:UkbReader"
    has_phantom: ClassVar[bool] = True

    layout: Literal["ukb"] = Field(description="How the files are named and where the metadata are.")
    field: str = Field("20209", description="Number of the data field: the second part of the names.")
    series: str | None = Field(
        r"CINE_segmented_SAX_b\d+",
        description="Regular expression that the description of a series, or its protocol, must contain to be read.",
    )
    pseudonyms: bool = Field(True, description="Participants' numbers are pseudonyms, which may be shown.")


class PluginDatasetSettings(ClassSettings, RawDatasetSettings):
    """User-supplied reader: a class derived from `synthaug.data.readers.base.Reader`."""

    derived_from = "synthaug.data.readers.base:Reader"

    layout: Literal["plugin"] = Field(description="User-supplied reader.")


DatasetSettings = Annotated[
    AcdcSettings
    | MnmsSettings
    | Mnms2Settings
    | NiftiSettings
    | DicomSettings
    | DsbSettings
    | SunnybrookSettings
    | UkbSettings
    | PluginDatasetSettings,
    Field(discriminator="layout"),
]


class HarmonisationSettings(Settings):
    """The common grid: all cohorts of a study share it."""

    spacing_mm: tuple[float, float, float] = Field(
        (10.0, 1.5, 1.5),
        description="Voxel size (z, y, x) in mm of every harmonised cine; y and x are the same.",
    )
    matrix: tuple[int, int, int] = Field(
        (12, 128, 128),
        description=(
            "Voxels (z, y, x): y and x exactly, z at most; stacks with fewer slices stay shorter. The window is placed by "
            "motion, so it must be larger than a heart: on 14 dilated hearts of ACDC, 144 mm cut 0.7 % of the labelled "
            "voxels, 168 mm 0.1 %, 192 mm none."
        ),
    )
    frames: int = Field(
        16, ge=2, le=128, description="Frames of a heart beat after cyclic resampling in time."
    )
    slice_alignment: Literal["measure", "correct"] = Field(
        "measure",
        description=(
            "Slices are displaced in the plane because each was taken in another breath-hold. `measure`: column "
            "`slice_shift_mm` of subjects.tsv, and a finding above 3 mm. `correct`: slices and their labels are moved back by "
            "whole pixels as well, which the way back to the patient's own grid undoes."
        ),
    )
    interpolation: Interpolation = Field(
        "linear",
        description=(
            "Interpolation of images in the plane: `linear`, `cubic` or `lanczos` (sharper), each wider where the grid is "
            "coarser than the image, against aliasing. Between slices and of labels it is always linear."
        ),
    )
    frame_interpolation: FrameInterpolation = Field(
        "linear",
        description=(
            "Interpolation between frames: `linear`, or `cubic`, the periodic spline. Both leave ED and ES as they are."
        ),
    )
    bias_field: Literal["none", "n4"] = Field(
        "none",
        description=(
            "`n4`: the field of the coils, estimated by N4 on the mean of all frames, is divided out of every frame."
        ),
    )
    percentiles: tuple[float, float] = Field(
        (0.5, 99.5), description="Percentiles of the cropped cine that become intensities 0 and 1."
    )
    intensities: Literal["percentiles", "histogram"] = Field(
        "percentiles",
        description=(
            "`percentiles`: straight between them. `histogram`: then the deciles of each subject go to `landmarks`, straight "
            "between them; deciles of what is brighter than the mean in the middle half of the window."
        ),
    )
    landmarks: tuple[float, float, float, float, float, float, float, float, float] = Field(
        (0.45, 0.55, 0.63, 0.71, 0.77, 0.82, 0.85, 0.88, 0.93),
        description=(
            "Intensities of the nine deciles with `intensities: histogram`. They are declared, not "
            "learned: a cohort is harmonised before its split, so that learned ones would be learned from test patients, "
            "too. The default is close to the mean of 30 phantoms of three scanners."
        ),
    )

    @field_validator("spacing_mm", "matrix")
    @classmethod
    def _grid_is_positive(cls, value: tuple[float, ...]) -> tuple[float, ...] | None:
        return _positive(value)

    @field_validator("spacing_mm")
    @classmethod
    def _grid_shows_a_heart(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        low, high = _GRID_MM
        if not all(low <= size <= high for size in value):
            raise ValueError(
                f"no heart is seen in voxels of {list(value)} mm; give {low:g} to {high:g} mm each"
            )
        return value

    @field_validator("spacing_mm")
    @classmethod
    def _pixels_are_square(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        _, y, x = value
        if y != x:
            raise ValueError(
                f"pixels of {y:g} x {x:g} mm are not square, and a heart that is rotated on them is sheared; give y and x the "
                "same size"
            )
        return value

    @field_validator("landmarks")
    @classmethod
    def _landmarks_ascend(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        steps = (0.0, *value, 1.0)
        if not all(low < high for low, high in itertools.pairwise(steps)):
            raise ValueError("landmarks must ascend, all above 0 and below 1, for example the default")
        return value

    @field_validator("percentiles")
    @classmethod
    def _percentiles_ascend(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= value[0] < value[1] <= 100:
            raise ValueError("percentiles must ascend between 0 and 100, for example [0.5, 99.5]")
        return value


class DuplicateSettings(Settings):
    """Subjects under different ids who look like one patient, found by perceptual hashes of their images."""

    action: Literal["refuse", "allow"] = Field(
        "refuse",
        description=(
            "If two such subjects have roles that must not share a patient: `refuse` stops the study before training "
            "and names them, `allow` continues; `splits/duplicates.tsv` lists them."
        ),
    )
    distance: float = Field(
        0.2,
        gt=0,
        lt=0.5,
        description=(
            "Largest fraction of differing hash bits between the images of such subjects. One patient saved twice: "
            "below 0.16; two patients of ACDC: at least 0.35; two phantoms: at least 0.24."
        ),
    )


class SplitSettings(Settings):
    """Who trains, who validates, who tests: always by patient, stratified by vendor and diagnosis."""

    scheme: Literal["within_domain", "cross_vendor"] = Field(
        "within_domain",
        description=(
            "`within_domain`: patients of the same vendors are held out for the test. "
            "`cross_vendor`: the test is on other vendors; a fraction of the training vendors' patients "
            "is held out as an internal test set."
        ),
    )
    train_vendors: list[str] = Field(
        default_factory=list,
        description="Training vendors; empty: all that are not in `test_vendors`.",
    )
    test_vendors: list[str] = Field(
        default_factory=list,
        description="Test vendors in `cross_vendor`; empty: all but `train_vendors`.",
    )
    folds: int = Field(
        1,
        ge=1,
        le=20,
        description="Folds; with more than one, every labelled patient is held out exactly once.",
    )
    test_fraction: float = Field(
        0.25,
        gt=0,
        lt=1,
        description="Fraction of labelled patients held out for the test, with one fold.",
    )
    validation_fraction: float = Field(
        0.2, gt=0, lt=1, description="Fraction of the other labelled patients kept for validation."
    )
    annotation: Literal["labels", "diagnosis"] = Field(
        "labels",
        description=(
            "What a patient must have to be tested, validated on and trained on by a task, called labelled here: `labels`, "
            "label volumes; `diagnosis`, a known diagnosis, for studies whose tasks are all classifications."
        ),
    )
    labelled_fraction: float = Field(
        1.0,
        gt=0,
        le=1,
        description=(
            "Fraction of the labelled training patients whose labels may be used, stratified; the others train "
            "generators only, without labels. A larger fraction contains a smaller one."
        ),
    )
    seed: int = Field(0, ge=0, description="Seed of the assignment and of every fraction of patients.")
    same_patient: tuple[tuple[str, ...], ...] = Field(
        (),
        description=(
            "Groups of subjects who are one patient under several ids, "
            "e.g. `[[acdc-patient001, mnms-A0S9V9]]`; all of a group have one role, or are unused."
        ),
    )
    duplicates: DuplicateSettings = Field(
        default_factory=DuplicateSettings, description="Detection of one patient under several ids."
    )

    @field_validator("same_patient")
    @classmethod
    def _groups_have_two(cls, value: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        for group in value:
            if len(set(group)) < 2:
                raise ValueError(f"{list(group)} is not two subjects; name at least two different ids")
        return value

    @classmethod
    def role_fields(cls) -> set[str]:
        """Fields that the roles depend on; changing another does not split again."""
        return set(cls.model_fields) - {"duplicates"}

    @model_validator(mode="after")
    def _vendors_fit_the_scheme(self) -> SplitSettings:
        if self.scheme == "within_domain" and self.test_vendors:
            raise ValueError("test_vendors belong to scheme cross_vendor; set the scheme or leave them out")
        if self.scheme == "cross_vendor" and not (self.train_vendors or self.test_vendors):
            raise ValueError("cross_vendor needs train_vendors or test_vendors; name at least one vendor")
        both = sorted(set(self.train_vendors) & set(self.test_vendors))
        if both:
            raise ValueError(f"vendor {both[0]} is in train_vendors and test_vendors; choose one")
        return self


def _positive(value: tuple[float, ...] | None) -> tuple[float, ...] | None:
    if value is not None and not all(number > 0 for number in value):
        raise ValueError(f"all three must be above 0; they are {list(value)}")
    return value
