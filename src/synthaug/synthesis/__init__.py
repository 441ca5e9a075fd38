"""Bulk synthesis: requests, chunks that are jobs, the quality gate, one cohort at the end.

`plan_requests` writes the requests, `chunk.synthesise_chunk` samples some of them and keeps
what `gate.inspect_sample` accepts, `gather.gather_chunks` makes one synthetic cohort of all chunks.
"""
