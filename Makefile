# Commands on a machine with Python 3.11 or later and make:
#   make demo         the default study on the embedded phantom, up to the report
#   make test         formatting, lint, types and all tests
#   make check        formatting, lint and types alone
#   make validity     four phantom studies whose answer is known, and what the reports say
#   make targets      what Snakemake can make, each in a line
#   make slurm-check  what the Slurm cluster of this machine offers, and the lines for profiles/slurm/config.yaml
#   make lock         exact versions of all packages with hashes, anew
#   make clean        removes the environment and the demo's results
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test validity targets slurm-check check lock clean help
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   //p' Makefile

demo: $(READY)
	$(BIN)/snakemake --profile profiles/local
	@echo "The report: results/demo/report.html"

test: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder \
		--durations 40 --durations-min 15

validity: $(READY)
	for study in config/studies/validity/*.yaml; do \
		$(BIN)/snakemake --profile profiles/local --configfile $$study || exit 1; done
	$(BIN)/python benchmarks/validity.py

targets: $(READY)
	@$(BIN)/snakemake --list-target-rules

slurm-check: $(READY)
	@$(BIN)/synthaug slurm-check

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/mypy
	$(BIN)/snakemake --lint

# The environment: exact versions, each checked against its hash. The marker is written last,
# so an interrupted installation is finished on the next call.
$(READY): envs/requirements.lock pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "synthaug needs Python 3.11 or later; call make PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r envs/requirements.lock
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps -e .
	@touch $(READY)

# New exact versions within the ranges of pyproject.toml; needs uv.
lock:
	uv pip compile pyproject.toml --extra test --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --quiet -o envs/requirements.lock
	$(BIN)/python envs/make_conda_env.py

clean:
	rm -rf $(VENV) results/demo
