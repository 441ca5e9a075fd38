"""synthaug: does this synthetic cine MRI help, and how do we know?

snakemake --profile slurm all                                           the default study on a cluster
snakemake --profile profiles/local --configfile config/studies/X.yaml   another study on this machine
snakemake --list-target-rules                                           the menu (make targets)

Software: the environment that Snakemake runs in; or the same versions as an image
(--software-deployment-method apptainer) or by conda (--software-deployment-method conda).
"""

import sys

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.utils import min_version

from synthaug.core.errors import SynthaugError
from synthaug.jobs.failed_jobs import FailureLines
from synthaug.cost import count_subjects, estimate_cost, say_cost
from synthaug.preflight.lost_records import write_configuration
from synthaug.preflight.future_files import bring_back, check_inputs
from synthaug.preflight.old_scripts import clear_scripts
from synthaug.preflight.paths import check_writable
from synthaug.preflight.slurm import slurm_trouble
from synthaug.run_progress import progress_lines

min_version("9.27")  # and not above: see workflow/rules/common.smk


container: "envs/synthaug.sif"


conda: "envs/synthaug.yaml"


# A study given on the command line replaces the default one; Snakemake would merge the two.
if not workflow.overwrite_configfiles:

    configfile: f"{workflow.basedir}/config/config.yaml"


# The study, and how its runs become paths, inputs and resources:
include: "workflow/rules/common.smk"
include: "workflow/rules/arms.smk"
# raw data -> cohorts/, splits/, stores/
include: "workflow/rules/data.smk"
# stores/ -> models/
include: "workflow/rules/models.smk"
# models/, cohorts/ -> synthetic/
include: "workflow/rules/synthesis.smk"
# cohorts/, synthetic/ -> arms/ (training subjects), tasks/ (plans, training sets, trainings, predictions), rows/scores/
include: "workflow/rules/tasks.smk"
# cohorts/, synthetic/, tasks/ -> features/, rows/
include: "workflow/rules/evaluation.smk"
# models/ -> synthetic/.../condition-sweep, rows/condition-sweep/
include: "workflow/rules/condition_sweep.smk"
# models/, features/ -> synthetic/.../contrasts, rows/contrast-consistency/, rows/contrast-distances/
include: "workflow/rules/contrasts.smk"
# models/ -> rows/attention/
include: "workflow/rules/attention.smk"
# rows/ -> tables/, report/, report.html
include: "workflow/rules/report.smk"
# tables/ -> published/: tables of papers, on request
include: "workflow/rules/published.smk"
# Last, because they only mend how Snakemake starts jobs, retries them, waits for them and decides what reruns:
include: "workflow/rules/snakemake_issue_2192.smk"
include: "workflow/rules/snakemake_issue_2441.smk"
include: "workflow/rules/snakemake_issue_2645.smk"
include: "workflow/rules/snakemake_issue_2967.smk"
include: "workflow/rules/snakemake_issue_4166.smk"


onstart:
    trouble = list(slurm_trouble(workflow)) if workflow.executor_plugin.name == "slurm" else []
    try:
        check_writable(f"results/{study.name}")
        check_inputs(
            [file for _, file in paths_of(study)] + [file for files in raw.values() for file in files]
        )
        if brought_back := bring_back(f"results/{study.name}"):
            print(f"synthaug: {brought_back}", file=sys.stderr)
    except SynthaugError as error:
        trouble.append(str(error))
    if trouble:
        raise WorkflowError("\n".join(f"synthaug: {line}" for line in trouble))
    clear_scripts(".snakemake/scripts")
    write_configuration(f"results/{study.name}", declared_study(study))
    print(say_cost(study, estimate_cost(study, count_subjects(study))), file=sys.stderr)
    logger.addHandler(progress_lines(study, workflow.dag.stats()[1]))
    logger.addHandler(FailureLines(submitted=not workflow.local_exec))


onerror:
    # Before the first rows there is nothing to tabulate.
    if Path(f"results/{study.name}/rows").is_dir():
        print(
            f"synthaug: `synthaug collate --partial results/{study.name}` tabulates what there is and names what failed",
            file=sys.stderr,
        )


# The menu: stages by name; each includes what it needs.


localrules:
    all,
    harmonise_all,
    measure_generators_all,
    measure_phenotypes_all,
    train_all,
    check_autoencoders_all,
    synthesise_all,
    train_tasks_all,
    evaluate_all,


rule all:
    """everything, up to the report: results/<study>/report.html"""
    default_target: True
    input:
        path("report.html"),


rule harmonise_all:
    """the datasets on one voxel grid, their splits, the search for one patient under two ids"""
    input:
        paths("splits/fold-{fold}.tsv", fold=folds),
        path("splits/duplicates.tsv"),


rule measure_phenotypes_all:
    """phenotypes of all real and synthetic hearts"""
    input:
        paths("phenotypes/{dataset}.tsv", dataset=study.datasets),
        [path(f"phenotypes/{run.stem}.tsv") for run in synthetic_runs(study)],


rule train_all:
    """the weights of every model of the generators and extractors"""
    input:
        [path(f"{run.folder}/model.safetensors") for run in model_runs(study)],


rule check_autoencoders_all:
    """the autoencoders of the generators, and what they make of real training cines"""
    input:
        [
            path(f"rows/reconstructions/{run.model}_fold-{run.fold}_generator-seed-{run.generator_seed}.tsv")
            for run in reconstruction_checks(study)
        ],


rule synthesise_all:
    """all synthetic cohorts"""
    input:
        [made_cohort(study, run) for run in synthetic_runs(study)],


rule measure_generators_all:
    """what is measured of generators and models: of the tasks only the segmenter and the classifier that measure"""
    input:
        [path(file) for file in generator_measures(study)],


rule train_tasks_all:
    """the tasks of every arm, trained and applied to the test patients"""
    input:
        [path(f"{run.folder}/predictions") for run in arm_runs(study)],


rule evaluate_all:
    """the result tables, without the report: results/<study>/tables/"""
    input:
        path("tables/current.json"),
