"""Several contrasts of one heart: the same request, masks and seed, with another vendor or sequence."""

contrast_settings = study.evaluation.contrasts and study.evaluation.contrasts.model_dump(mode="json")


rule plan_contrasts:
    input:
        requests=expand(rules.plan_requests.output.requests, chunk=range(len(chunks)), allow_missing=True),
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
    output:
        requests=directory(
            pattern("synthetic/{generator}/fold-{fold}/generator-seed-{generator_seed}/contrast-requests")
        ),
    log:
        pattern("logs/plan_contrasts/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    params:
        code=code("plan_contrasts"),
        contrasts=contrast_settings,
        grid=study.harmonisation.model_dump(mode="json"),
    message:
        "Planning several contrasts of the hearts of {wildcards.generator}, fold {wildcards.fold}"
    script:
        "../scripts/plan_contrasts.py"


# Wordings follow the seed of a request: two contrasts of a heart differ in the words of the contrast alone.
use rule word_requests as word_contrasts with:
    input:
        requests=rules.plan_contrasts.output.requests,
        sentences=packed_sentences,
    output:
        requests=directory(
            pattern(
                "synthetic/{generator}/fold-{fold}/generator-seed-{generator_seed}/worded-contrast-requests"
            )
        ),
    log:
        pattern("logs/word_contrasts/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    message:
        "Writing several contrasts of the hearts of {wildcards.generator} in words, fold {wildcards.fold}"


# All contrasts are one chunk. No gate, and one attempt: what was made is what is measured.
use rule synthesise_chunk as synthesise_contrasts with:
    input:
        requests=requests_as_read("contrast-requests"),
        generator=rules.describe_generator.output.description,
        models=generator_models,
    output:
        chunk=directory(
            pattern("synthetic/{generator}/fold-{fold}/generator-seed-{generator_seed}/contrasts")
        ),
    log:
        pattern("logs/synthesise_contrasts/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern("benchmarks/synthesise_contrasts/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv")
    params:
        gate={"enabled": False, "attempts": 1},
    message:
        "Synthesising several contrasts of each heart with {wildcards.generator}, fold {wildcards.fold}"


rule measure_contrast_consistency:
    input:
        cohort=rules.synthesise_contrasts.output.chunk,
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
    output:
        rows=pattern("rows/contrast-consistency/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"),
    log:
        pattern(
            "logs/measure_contrast_consistency/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"
        ),
    params:
        code=code("measure_contrast_consistency"),
        contrasts=contrast_settings,
        evaluation=evaluation_settings,
    message:
        "Comparing the contrasts of each heart of {wildcards.generator}, fold {wildcards.fold}"
    script:
        "../scripts/measure_contrast_consistency.py"


rule measure_contrast_distances:
    input:
        real=rules.extract_real_features.output.features,
        synthetic=features_of_synthetic,
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        synthetic_cohort=cohort_of,
        split=pattern("splits/fold-{fold}.tsv"),
    output:
        rows=pattern(
            "rows/contrast-distances/{extractor}_{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"
        ),
    log:
        pattern(
            "logs/measure_contrast_distances/{extractor}_{generator}_fold-{fold}_generator-seed-{generator_seed}.log"
        ),
    resources:
        mem_mb=features_memory,
        runtime=features_runtime,
    params:
        code=code("measure_contrast_distances"),
        contrasts=contrast_settings,
        evaluation=evaluation_settings,
    message:
        "Measuring distances of each contrast of {wildcards.generator} with {wildcards.extractor}, fold {wildcards.fold}"
    script:
        "../scripts/measure_contrast_distances.py"
