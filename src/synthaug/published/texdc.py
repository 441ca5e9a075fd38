"""Tables 1 and 2 of TexDC."""

from __future__ import annotations

from synthaug.published.base import Column, Part, PublishedTable

_PAPER = "Liu et al., TexDC: text-driven disease-aware 4D cardiac cine MRI images generation"
_DATA = (
    "over 1,700 sequences of two hospitals, ACDC, M&Ms and the Data Science Bowl, 25 x 9 x 224 x 224; features of "
    "networks that the paper names in part only"
)

_FID = Column("FID", "fid")

TABLES = (
    PublishedTable(
        "texdc_table1",
        "Ablations: learnable context vectors (M), pre-alignment, temporal-aware (TAM) and slice-aware (SAM) attention",
        _PAPER,
        _DATA,
        (Part("generators", (_FID, Column("F4D", "f4d"), Column("CLIPSIM", "clipsim"))),),
    ),
    PublishedTable(
        "texdc_table2",
        "Comparison with sequence-aware autoregression, deformation between ED and ES, and 3D diffusion without time",
        _PAPER,
        _DATA,
        (Part("generators", (_FID, Column("FVD-T", "fvd_t"), Column("FVD-S", "fvd_s"))),),
    ),
)
