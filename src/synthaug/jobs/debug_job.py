"""Run the script of one job in this process, so that a debugger can stop in it.

The job is the one that makes a file; its inputs must exist::

    snakemake --configfile config/studies/tiny.yaml --cores 2 --until split_subjects
    python -m pdb -m synthaug.jobs.debug_job results/tiny/splits/fold-0.tsv --configfile config/studies/tiny.yaml

Nothing is recorded: Snakemake makes the outputs again in its next run where it sees reason to.
"""

from __future__ import annotations

import argparse
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from snakemake.api import SnakemakeApi
from snakemake.exceptions import MissingRuleException, RuleException, WorkflowError
from snakemake.iocontainers import Snakemake
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, Quietness, ResourceSettings

from synthaug.core.errors import SynthaugError


def find_job(target: str, configfiles: Sequence[Path] = (), cores: int = 1) -> tuple[Path, Snakemake]:
    """The script of the job that makes a file, and the object that Snakemake would give it.

    Parameters
    ----------
    target : str
        An output of the job, as the workflow names it.
    configfiles : sequence of Path
        The study; the default one if not given.
    cores : int
        Most threads the job may have.

    Raises
    ------
    SynthaugError
        The file is made by no script, an input of the job is missing, or Snakemake cannot plan it.
    """
    absent = [file for file in configfiles if not file.is_file()]
    if absent:
        raise SynthaugError(f"{absent[0]}: no such file; give the study file")
    quiet = OutputSettings(quiet={Quietness.ALL})
    with SnakemakeApi(quiet) as api:
        of_workflow = api.workflow(
            resource_settings=ResourceSettings(cores=cores),
            config_settings=ConfigSettings(configfiles=list(configfiles)),
            snakefile=Path("Snakefile"),
        )
        # Forced, so that Snakemake looks at the job even where its outputs are up to date.
        of_workflow.dag(DAGSettings(targets={target}, forcerun={target}))
        workflow: Any = of_workflow._workflow
        try:
            workflow._prepare_dag(forceall=False, ignore_incomplete=True, lock_warn_only=True, nolock=True)
            workflow._build_dag()
        except MissingRuleException:
            raise SynthaugError(
                f"{target}: no rule makes it; snakemake --dry-run lists what the study makes"
            ) from None
        found = [job for job in workflow.dag.jobs if target in job.output]
        if not found or not found[0].rule.script:
            raise SynthaugError(f"{target}: no script makes it; name an output of a rule that has a script")
        job = found[0]
        missing = [str(file) for file in job.input if not Path(file).exists()]
        if missing:
            raise SynthaugError(
                f"{target}: its input {missing[0]} is missing; make it first with snakemake {missing[0]}"
            )
        script = Path(job.rule.basedir.join(job.rule.script).get_path_or_uri(secret_free=False)).resolve()
        given = Snakemake(
            job.input,
            job.output,
            job.params,
            job.wildcards,
            job.threads,
            job.resources,
            job.log,
            workflow.config,
            job.rule.name,
            None,
            str(script.parent),
        )
    return script, given


def main(arguments: Sequence[str] | None = None) -> None:
    """Find the job and run its script."""
    parser = argparse.ArgumentParser(description="Run the script of one job in this process.")
    parser.add_argument("output", help="a file or folder that the job makes, from results/ on")
    parser.add_argument("--configfile", type=Path, nargs="+", default=[], help="the study, as for snakemake")
    parser.add_argument("--cores", type=int, default=1, help="most threads the job may have")
    options = parser.parse_args(arguments)
    try:
        script, given = find_job(options.output, options.configfile, options.cores)
    except SynthaugError as error:
        sys.exit(f"synthaug: {error}")
    except (WorkflowError, RuleException) as error:  # a study that is refused, raw data that are missing
        sys.exit(str(error))
    for file in [*given.output, *given.log]:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    runpy.run_path(str(script), init_globals={"snakemake": given}, run_name="__main__")


if __name__ == "__main__":
    main()
