"""Raw data to harmonised cohorts, splits and training stores."""


rule write_phantom:
    output:
        root=directory(pattern("raw/{dataset}")),
    log:
        pattern("logs/write_phantom/{dataset}.log"),
    benchmark:
        pattern("benchmarks/write_phantom/{dataset}.tsv")
    threads: 8
    params:
        code=code("write_phantom"),
        layout=lambda w: study.datasets[w.dataset].layout,
        settings=lambda w: study.datasets[w.dataset].phantom.model_dump(mode="json"),
    message:
        "Simulating the phantom dataset {wildcards.dataset}"
    script:
        "../scripts/write_phantom.py"


rule harmonise:
    input:
        raw=raw_dataset,
    output:
        cohort=directory(pattern("cohorts/{dataset}")),
    log:
        pattern("logs/harmonise/{dataset}.log"),
    benchmark:
        pattern("benchmarks/harmonise/{dataset}.tsv")
    threads: 8
    resources:
        mem_mb=by_attempt(16000),
        runtime=by_attempt(240),
    params:
        code=reader_code,
        root=raw_root,
        # The user's phenotypes and reports are no part of the cohort.
        dataset=lambda w: study.datasets[w.dataset].model_dump(mode="json", exclude={"phenotypes", "reports"}),
        grid=study.harmonisation.model_dump(mode="json"),
    message:
        "Harmonising {wildcards.dataset}"
    script:
        "../scripts/harmonise.py"


rule split_subjects:
    input:
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
    output:
        folds=expand(pattern("splits/fold-{fold}.tsv"), fold=folds, allow_missing=True),
    log:
        pattern("logs/split_subjects.log"),
    params:
        code=code("split_subjects"),
        split=study.split.model_dump(mode="json", include=study.split.role_fields()),
    message:
        "Splitting patients into folds"
    script:
        "../scripts/split_subjects.py"


rule find_duplicates:
    input:
        cohorts=paths("cohorts/{dataset}", dataset=study.datasets),
        splits=paths("splits/fold-{fold}.tsv", fold=folds),
    output:
        pairs=pattern("splits/duplicates.tsv"),
    log:
        pattern("logs/find_duplicates.log"),
    benchmark:
        pattern("benchmarks/find_duplicates/all.tsv")
    resources:
        **grows_with("cohorts", seconds=0, mib=0.05) | {"runtime": duplicates_runtime},
    params:
        code=code("find_duplicates"),
        duplicates=study.split.duplicates.model_dump(mode="json"),
    message:
        "Looking for one patient under two ids"
    script:
        "../scripts/find_duplicates.py"


rule write_impressions:
    input:
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
        phenotypes=paths("phenotypes/{dataset}.tsv", dataset=split_datasets if packed["columns"] else []),
        reports=[settings["table"] for settings in report_settings().values()],
    output:
        sentences=pattern("impressions/fold-{fold}.tsv"),
    log:
        pattern("logs/write_impressions/fold-{fold}.log"),
    params:
        code=code("write_impressions"),
        phenotypes=packed,
        reports=report_settings(),
    message:
        "Writing a sentence for every training subject of fold {wildcards.fold}"
    script:
        "../scripts/write_impressions.py"


rule pack_cohort:
    input:
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
        duplicates=duplicates_checked,
        phenotypes=paths("phenotypes/{dataset}.tsv", dataset=split_datasets if packed["columns"] else []),
        sentences=packed_sentences,
    output:
        train=directory(pattern("stores/fold-{fold}/train")),
        validation=directory(pattern("stores/fold-{fold}/validation")),
    log:
        pattern("logs/pack_cohort/fold-{fold}.log"),
    benchmark:
        pattern("benchmarks/pack_cohort/fold-{fold}.tsv")
    resources:
        **grows_with("cohorts", seconds=2),
    params:
        code=code("pack_cohort"),
        n_slices=study.harmonisation.matrix[0],
        phenotypes=packed,
    message:
        "Packing the training cines of fold {wildcards.fold}"
    script:
        "../scripts/pack_cohort.py"


rule measure_phenotypes:
    input:
        cohorts=[pattern("cohorts/{dataset}")],
        table=phenotype_table,
    output:
        phenotypes=pattern("phenotypes/{dataset}.tsv"),
    log:
        pattern("logs/measure_phenotypes/{dataset}.log"),
    benchmark:
        pattern("benchmarks/measure_phenotypes/{dataset}.tsv")
    threads: 8
    resources:
        **grows_with("cohorts", seconds=2),
    params:
        code=code("measure_phenotypes"),
        own=phenotype_settings,
    message:
        "Measuring phenotypes of {wildcards.dataset}"
    script:
        "../scripts/measure_phenotypes.py"


use rule measure_phenotypes as measure_synthetic_phenotypes with:
    input:
        cohorts=cohorts_of,
    output:
        phenotypes=pattern("phenotypes/{generator}_fold-{fold}_generator-seed-{generator_seed}{part}.tsv"),
    log:
        pattern(
            "logs/measure_synthetic_phenotypes/{generator}_fold-{fold}_generator-seed-{generator_seed}{part}.log"
        ),
    benchmark:
        pattern(
            "benchmarks/measure_synthetic_phenotypes/{generator}_fold-{fold}_generator-seed-{generator_seed}{part}.tsv"
        )
    params:
        own=None,
    message:
        "Measuring phenotypes of {wildcards.generator}, fold {wildcards.fold}"


# Of a large cohort the jobs of the rule to the right do parts.
ruleorder: gather_phenotypes > measure_synthetic_phenotypes


rule gather_phenotypes:
    input:
        parts=in_parts(rules.measure_synthetic_phenotypes.output.phenotypes),
    output:
        phenotypes=pattern("phenotypes/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"),
    log:
        pattern("logs/gather_phenotypes/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    wildcard_constraints:
        generator=divided,
    resources:
        **GATHERS_PARTS,
    params:
        code=code("gather_phenotypes"),
    message:
        "Gathering phenotypes of {wildcards.generator}, fold {wildcards.fold}"
    script:
        "../scripts/gather_phenotypes.py"
