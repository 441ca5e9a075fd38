"""synthaug: does this synthetic cine MRI help, and how do we know?

snakemake --profile slurm all                                  the default study on a cluster
snakemake --profile local --configfile config/studies/X.yaml   another study on this machine
snakemake --list-target-rules                                  the menu
"""

import sys

from snakemake.utils import min_version

from synthaug.cost import count_subjects, estimate_cost, say_cost

min_version("9.0")

# A study given on the command line replaces the default one; Snakemake would merge the two.
if not workflow.overwrite_configfiles:

    configfile: f"{workflow.basedir}/config/config.yaml"


include: "workflow/rules/ancient.smk"
include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/synthesis.smk"
include: "workflow/rules/segmentation.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/controllability.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/collect.smk"


onstart:
    print(say_cost(study, estimate_cost(study, count_subjects(study))), file=sys.stderr)


localrules:
    all,


rule all:
    default_target: True
    input:
        settled("report.html"),
