"""Configuration of the phantom: a simulated raw dataset."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from synthaug.config.base import Settings

#: Scanner models the phantom knows; synthaug.phantom.scanner documents them.
VENDORS = ("A", "B", "C")
DIAGNOSES = ("NOR", "DCM", "HCM", "MINF", "RV")


class PhantomSettings(Settings):
    """A simulated dataset: how many subjects, on which scanners, with which diseases."""

    subjects: int = Field(20, ge=1, le=10000, description="Number of simulated subjects.")
    vendors: list[str] = Field(
        default_factory=lambda: ["A"],
        min_length=1,
        description=(
            "Simulated scanners, taken in turn: `A` (Siemens-like, 1.5 T), `B` (Philips-like, 1.5 T), "
            "`C` (GE-like, 3 T). Layout `acdc` does not record them, so give it one."
        ),
    )
    every_vendor: bool = Field(
        False,
        description=(
            "Every subject is scanned by every vendor: as many visits of one patient, who stays on one side of the split. "
            "Layout `nifti` alone has visits."
        ),
    )
    diagnoses: list[str] = Field(
        default_factory=lambda: list(DIAGNOSES),
        min_length=1,
        description="Diagnoses, taken in turn: `NOR`, `DCM`, `HCM`, `MINF`, `RV`.",
    )
    unlabelled: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Fraction of subjects written without labels; their ED and ES frames are still given.",
    )
    seed: int = Field(0, ge=0, description="Seed; a subject depends on it and on its own number only.")

    @property
    def scans(self) -> int:
        """Scans that are simulated, each a subject of the cohort: of a subject one, or one a vendor."""
        return self.subjects * (len(self.vendors) if self.every_vendor else 1)

    @model_validator(mode="after")
    def _visits_differ(self) -> PhantomSettings:
        if self.every_vendor and len(self.vendors) != len(set(self.vendors)):
            raise ValueError("every_vendor scans a subject once by each vendor; name each of `vendors` once")
        return self

    @field_validator("vendors")
    @classmethod
    def _vendors_are_known(cls, vendors: list[str]) -> list[str]:
        return _known("vendor", vendors, VENDORS)

    @field_validator("diagnoses")
    @classmethod
    def _diagnoses_are_known(cls, diagnoses: list[str]) -> list[str]:
        return _known("diagnosis", diagnoses, DIAGNOSES)


def _known(what: str, names: list[str], known: tuple[str, ...]) -> list[str]:
    for name in names:
        if name not in known:
            raise ValueError(f"the phantom has no {what} {name!r}; choose from {', '.join(known)}")
    return names
