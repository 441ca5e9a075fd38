"""Look for copies of training patients in a synthetic cohort with a network that recognises patients."""

import torch

from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split
from synthaug.jobs.job import job
from synthaug.jobs.progress import progress
from synthaug.measures.measurement import Measurement
from synthaug.measures.memorisation.feature_audit import RECOGNITION, audit_features
from synthaug.measures.memorisation.positive_controls import movement_limits
from synthaug.measures.memorisation.recognition import describe_subjects, describer
from synthaug.measures.memorisation.roles import audit_roles
from synthaug.models.weights import load_model

with job(snakemake):
    torch.set_num_threads(snakemake.threads)
    model = load_model(snakemake.input.model, device="cuda" if torch.cuda.is_available() else "cpu")
    real, synthetic = Cohort.open_all(snakemake.input.cohorts), Cohort.open(snakemake.input.synthetic)
    roles = audit_roles(read_split(snakemake.input.split))
    rows = audit_features(
        real,
        describe_subjects(real, [*roles.train, *roles.held_out], model),
        describe_subjects(synthetic, synthetic.subjects, model),
        describer(model),
        roles,
        Measurement.of_job(snakemake, progress("subjects")),
        movement_limits(snakemake.params.augmentation),
        RECOGNITION,
    )
    write_tsv(snakemake.output.rows, rows)
