"""Write the training set of one arm as an nnU-Net dataset."""

from synthaug.config.arms import Arm
from synthaug.config.synthesis import CopySettings
from synthaug.core.job import job
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split
from synthaug.measures.memorisation.copies import read_pairs, refused_copies
from synthaug.tasks.segmentation.build import write_arm_dataset

with job(snakemake):
    inputs, params = snakemake.input, snakemake.params
    refused: list[str] = []
    if inputs.pairs:
        copies = CopySettings.model_validate(params.copies)
        refused = refused_copies(read_pairs(inputs.pairs), copies, str(inputs.synthetic))
    write_arm_dataset(
        snakemake.output.dataset,
        Arm(**params.arm),
        Cohort.open_all(inputs.cohorts),
        read_split(inputs.split),
        synthetic=Cohort.open(inputs.synthetic) if inputs.synthetic else None,
        controlled=inputs.controlled or None,
        frames=params.frames,
        split_seed=params.split_seed,
        seed=int(snakemake.wildcards.generator_seed),
        refused=refused,
    )
