"""Write the training set of one arm as an nnU-Net dataset."""

from synthaug.cohort import Cohort
from synthaug.config.arms import Arm
from synthaug.config.synthesis import CopySettings
from synthaug.job import job
from synthaug.privacy.gate import read_pairs, refused_copies
from synthaug.segmentation.arms import count_cases, select_synthetic, write_raw_dataset
from synthaug.splits import read_split, subjects_of

with job(snakemake):
    arm = Arm(**snakemake.params.arm)
    cohort = Cohort.open_all(snakemake.input.cohorts)
    split = read_split(snakemake.input.split)
    real = cohort.select(subjects_of(split, "train", labelled=True))
    synthetic = None
    if snakemake.input.synthetic:
        made = Cohort.open(snakemake.input.synthetic)
        refused: list[str] = []
        if snakemake.input.pairs:
            copies = CopySettings.model_validate(snakemake.params.copies)
            refused = refused_copies(read_pairs(snakemake.input.pairs), copies, made.name)
        synthetic = select_synthetic(made, arm.dose, len(real.subjects), refused)
    write_raw_dataset(
        snakemake.output.dataset,
        real=real if arm.real else None,
        validation=cohort.select(subjects_of(split, "validation", labelled=True)),
        synthetic=synthetic,
        control=arm.control,
        n_extra_cases=count_cases(snakemake.input.controlled, "synthetic") if arm.control else 0,
        frames=snakemake.params.frames,
        held_out=subjects_of(split, "test"),
        seed=int(snakemake.wildcards.draw),
    )
