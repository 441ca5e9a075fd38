"""Choose the training subjects of one arm: the table that every task reads."""

from synthaug.config.arms import Arm
from synthaug.config.synthesis import CopySettings
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split
from synthaug.jobs.job import job
from synthaug.measures.memorisation.copies import read_pairs, refused_copies
from synthaug.tasks.training_subjects import choose_training_subjects

with job(snakemake):
    inputs, params = snakemake.input, snakemake.params
    refused: list[str] = []
    if inputs.pairs:
        copies = CopySettings.model_validate(params.copies)
        refused = refused_copies(read_pairs(inputs.pairs), copies, str(inputs.synthetic))
    subjects = choose_training_subjects(
        Arm(**params.arm),
        Cohort.open_all(inputs.cohorts),
        read_split(inputs.split),
        synthetic=Cohort.open(inputs.synthetic) if inputs.synthetic else None,
        split_seed=params.split_seed,
        seed=int(snakemake.wildcards.generator_seed),
        refused=refused,
    )
    subjects.write(snakemake.output.subjects)
