"""Tables 1 to 3 of the controllable text-to-image synthesis of multi-modality MR images: text and mask as control."""

from __future__ import annotations

from synthaug.published.base import EACH_CONTRAST, Column, Part, PublishedTable

_PAPER = "Kim et al., Controllable text-to-image synthesis for multi-modality MR images"
_DATA = "brain MR slices of 484 patients with a glioma, FLAIR, T1, T1Gd and T2, 256 x 256"


def _between_bounds(label: str, metric: str) -> tuple[Column, ...]:
    """A score, and what the paper calls GT and Random, which are lines there and columns here: every generator has its own."""
    return (
        Column(label, metric),
        Column(f"{label}, GT", f"{metric}_real"),
        Column(f"{label}, Random", f"{metric}_real_other"),
    )


TABLES = (
    PublishedTable(
        "control_table1",
        "Quality of generated images by contrast",
        _PAPER,
        _DATA,
        (
            Part(
                "generators",
                (
                    Column("FID, {}", "contrast_fid", target=EACH_CONTRAST),
                    Column("FID, average", "contrast_fid_mean"),
                    Column("FID, all contrasts together", "fid"),
                ),
            ),
        ),
    ),
    PublishedTable(
        "control_table2",
        "Correlation between the contrasts of one sequence, from one seed and mask",
        _PAPER,
        f"{_DATA}; 500 sequences. GT: real sequences, the upper bound; Random: images of random patients, the lower bound",
        (
            Part(
                "generators",
                (
                    *_between_bounds("SSIM", "contrast_ssim"),
                    *_between_bounds("NMI (Studholme's, 1 to 2)", "contrast_nmi"),
                    *_between_bounds("NCC", "contrast_ncc"),
                ),
            ),
        ),
    ),
    PublishedTable(
        "control_table3",
        "Agreement of images and prompts; the paper's CLIP score is 100 times the cosine that CLIPSIM is",
        _PAPER,
        f"{_DATA}; CLIP ViT-B/16",
        (
            Part(
                "generators",
                (
                    Column("CLIPSIM, full prompt", "clipsim"),
                    Column("CLIPSIM, vendor alone", "clipsim_part", target="vendor"),
                    Column("CLIPSIM, sequence alone", "clipsim_part", target="sequence"),
                    Column("CLIPSIM, diagnosis alone", "clipsim_part", target="diagnosis"),
                ),
            ),
        ),
    ),
)
