"""Settings of the measurement of attention to words, and of their effect on the image."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from synthaug.config.base import Settings

#: Where a word should look: a structure, or a wall of the LV's myocardium.
Region = Literal[
    "LV",
    "MYO",
    "RV",
    "anterior",
    "anteroseptal",
    "inferoseptal",
    "inferior",
    "inferolateral",
    "anterolateral",
    "septal",
    "lateral",
]


class AttentionSettings(Settings):
    """Where generators that read sentences look at words and what these change, against the regions that they name."""

    words: dict[str, Region] = Field(
        {
            "[CLS]": "MYO",
            "LV": "LV",
            "RV": "RV",
            "wall": "MYO",
            "anterior": "anterior",
            "septal": "septal",
            "anteroseptal": "anteroseptal",
            "inferoseptal": "inferoseptal",
            "inferior": "inferior",
            "lateral": "lateral",
            "anterolateral": "anterolateral",
            "inferolateral": "inferolateral",
        },
        min_length=1,
        description=(
            "Words or phrases, and the region that each names: a structure, or a wall of the myocardium. `[CLS]` is the "
            "class of an alignment. A request counts for the words that its sentence has."
        ),
    )
    subjects: int = Field(
        12,
        ge=2,
        description="Requests of each word that are sampled again, the first that have it; every word is measured on all.",
    )
    tolerance_mm: float = Field(
        5.0,
        ge=0,
        description="Distance from the region at which the largest value still counts as in it.",
    )
    field_mm: float = Field(
        30.0, gt=0, description="Shares and chance are those of the field within this distance of the heart."
    )

    @field_validator("words")
    @classmethod
    def _words_are_words(cls, words: dict[str, Region]) -> dict[str, Region]:
        if any(not word.strip() for word in words):
            raise ValueError("an empty word; name a word of the sentences, or leave it out")
        return words
