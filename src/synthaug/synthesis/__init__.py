"""Bulk synthesis: condition plans, chunks that are jobs, the quality gate, one cohort at the end.

`plan_conditions` says which hearts to ask for, `synthesise_chunk` asks for some of them and keeps
what `inspect_sample` accepts, `gather_chunks` makes one synthetic cohort of all chunks.
"""

from synthaug.synthesis.chunk import Sampler, synthesise_chunk
from synthaug.synthesis.gate import REASONS, inspect_sample
from synthaug.synthesis.gather import acceptance_rows, gather_chunks, read_attempts
from synthaug.synthesis.plan import plan_chunk, plan_conditions, read_plan

__all__ = [
    "REASONS",
    "Sampler",
    "acceptance_rows",
    "gather_chunks",
    "inspect_sample",
    "plan_chunk",
    "plan_conditions",
    "read_attempts",
    "read_plan",
    "synthesise_chunk",
]
