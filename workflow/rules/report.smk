"""From rows to versioned tables, and from tables and cohorts to one page."""


rule compare_arms:
    input:
        scores=[path(file) for file in score_files(study)],
    output:
        rows=pattern("rows/comparisons.tsv"),
    log:
        pattern("logs/compare_arms.log"),
    params:
        code=code("compare_arms"),
        tasks=[
            {
                "name": name,
                "family": task.declared_family,
                "arms": list(map(vars, arms_of_task(study, name).values())),
            }
            for name, task in study.tasks.items()
        ],
        evaluation=evaluation_settings,
    message:
        "Comparing the arms"
    script:
        "../scripts/compare_arms.py"


rule list_runs:
    output:
        runs=pattern("runs.tsv"),
    log:
        pattern("logs/list_runs.log"),
    params:
        code=code("list_runs"),
        runs=[[None if part is None else str(part) for part in run] for run in list_runs(study)],
    message:
        "Listing what the study runs"
    script:
        "../scripts/list_runs.py"


rule collate_results:
    input:
        runs=path("runs.tsv"),
        scores=[path(file) for file in score_files(study)],
        comparisons=path("rows/comparisons.tsv"),
        measures=[path(file) for file in measure_files(study)],
        # What the rows rest on, for the manifests that stand beside them.
        files=files_of_runs("dataset", "split", "synthetic", "sweep", "model", "arm"),
    output:
        current=pattern("tables/current.json"),
    log:
        pattern("logs/collate_results.log"),
    benchmark:
        pattern("benchmarks/collate_results/all.tsv")
    resources:
        **hashes("files"),
    params:
        code=code("collate_results", *plugin_modules(study)),
        study=declared_study(study),
        arms=[vars(arm) for arm in arms.values()],
        plugins=plugin_modules(study),
    message:
        "Collating all results into a versioned table"
    script:
        "../scripts/collate_results.py"


rule gather_content:
    input:
        runs=path("runs.tsv"),
        current=path("tables/current.json"),
        files=files_of_runs("dataset", "split", "synthetic", "sweep", "map", "model", "arm"),
    output:
        content=directory(pattern("report")),
    log:
        pattern("logs/gather_content.log"),
    params:
        code=code("gather_content", *section_modules(), *flag_modules()),
        study=without_home(study.model_dump(mode="json")),
        datasets=split_datasets,
        design_warnings=design_warnings(study),
        arms=[vars(arm) for arm in arms.values()],
    message:
        "Drawing the figures of the report"
    script:
        "../scripts/gather_content.py"


rule render_report:
    input:
        content=rules.gather_content.output.content,
    output:
        page=pattern("report.html"),
    log:
        pattern("logs/render_report.log"),
    params:
        code=code("render_report"),
        page=lambda w: sha256_json([sha256_file(file) for file in template_files()]),
    message:
        "Rendering the report"
    script:
        "../scripts/render_report.py"
