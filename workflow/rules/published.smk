"""Tables of published papers with the study's own values beside them; made on request only."""

timed_chunks = [
    (run.generator, f"{run.folder}/chunks/{chunk}", f"{run.stem}_{chunk}")
    for run in synthetic_runs(study)
    if is_sampled(study, run.generator)
    for chunk in range(len(chunks))
]


rule write_published_table:
    input:
        current=path("tables/current.json"),
        chunks=[path(chunk) for _, chunk, _ in timed_chunks],
        times=[path(f"benchmarks/synthesise_chunk/{stem}.tsv") for *_, stem in timed_chunks],
        values=sorted({str(table.file) for table in PUBLISHED.values()}),
    output:
        table=directory(pattern("published/{table}")),
    log:
        pattern("logs/write_published_table/{table}.log"),
    wildcard_constraints:
        table=any_of(PUBLISHED),
    params:
        code=code("write_published_table"),
        study=study.model_dump(mode="json"),
        generators=[generator for generator, *_ in timed_chunks],
    message:
        "Writing {wildcards.table}"
    script:
        "../scripts/write_published_table.py"


for table in PUBLISHED:

    rule:
        """a paper's published values, and the study's own beside them"""
        name:
            table
        input:
            path(f"published/{table}"),


rule write_published_figure:
    input:
        files=lambda w: [file for *_, file in shown_in_figure(w.figure)],
        simulated=lambda w: paths("raw/{dataset}", dataset=simulated_in_figure(w.figure)),
    output:
        figure=directory(pattern("published/{figure}")),
    log:
        pattern("logs/write_published_figure/{figure}.log"),
    wildcard_constraints:
        figure=any_of(FIGURES),
    params:
        code=code("write_published_figure"),
        shown=lambda w: [(generator, kind) for generator, kind, _ in shown_in_figure(w.figure)],
        simulated=lambda w: simulated_in_figure(w.figure),
    message:
        "Drawing {wildcards.figure}"
    script:
        "../scripts/write_published_figure.py"


for figure in FIGURES:

    rule:
        """a published paper's figure, drawn of the study's own results"""
        name:
            figure
        input:
            path(f"published/{figure}"),
