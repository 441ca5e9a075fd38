"""A space in the path of Python, until Snakemake quotes it itself (snakemake/snakemake, issue 2645).

Snakemake puts the path of its own Python into shell commands as it is: a checkout in "My Projects" with its environment
inside stopped in the first job. Here the path is quoted where Snakemake starts a job and where a job starts its script.
"""

import shlex
import sys

from snakemake.script import PythonScript
from snakemake_interface_executor_plugins.executors.real import RealExecutor


def _start_job(self, job, original=RealExecutor.format_job_exec):
    plain = f"{sys.executable} -m snakemake"
    return original(self, job).replace(plain, f"{shlex.quote(sys.executable)} -m snakemake")


def _start_script(self, command, original=PythonScript._execute_cmd, **values):
    if values.get("py_exec") == sys.executable:
        values["py_exec"] = shlex.quote(sys.executable)
    return original(self, command, **values)


# This file is read anew for every job.
if shlex.quote(sys.executable) != sys.executable and RealExecutor.format_job_exec.__name__ != "_start_job":
    RealExecutor.format_job_exec = _start_job
    PythonScript._execute_cmd = _start_script
