"""Condition sweep: hearts past the training range, made without quality control and measured by a segmenter."""


rule plan_condition_sweep:
    input:
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
    output:
        requests=directory(
            pattern(
                "synthetic/{generator}/fold-{fold}/generator-seed-{generator_seed}/condition-sweep-requests"
            )
        ),
        ranges=pattern(
            "synthetic/{generator}/fold-{fold}/generator-seed-{generator_seed}/condition-sweep.ranges.json"
        ),
    log:
        pattern("logs/plan_condition_sweep/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    params:
        code=code("plan_condition_sweep"),
        sweep=study.synthesis.sweep.model_dump(mode="json"),
        grid=study.harmonisation.model_dump(mode="json"),
    message:
        "Planning the condition sweep of {wildcards.generator}, fold {wildcards.fold}"
    script:
        "../scripts/plan_condition_sweep.py"


use rule word_requests as word_condition_sweep with:
    input:
        requests=rules.plan_condition_sweep.output.requests,
        sentences=packed_sentences,
    output:
        requests=directory(
            pattern(
                "synthetic/{generator}/fold-{fold}/generator-seed-{generator_seed}/worded-condition-sweep-requests"
            )
        ),
    log:
        pattern("logs/word_condition_sweep/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    message:
        "Writing the condition sweep of {wildcards.generator} in words, fold {wildcards.fold}"


# The whole sweep is one chunk. No gate, and one attempt: what was made is what is measured.
use rule synthesise_chunk as synthesise_condition_sweep with:
    input:
        requests=requests_as_read("condition-sweep-requests"),
        generator=rules.describe_generator.output.description,
        models=generator_models,
    output:
        chunk=directory(
            pattern("synthetic/{generator}/fold-{fold}/generator-seed-{generator_seed}/condition-sweep")
        ),
    log:
        pattern("logs/synthesise_condition_sweep/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern(
            "benchmarks/synthesise_condition_sweep/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"
        )
    params:
        gate={"enabled": False, "attempts": 1},
    message:
        "Synthesising the condition sweep of {wildcards.generator}, fold {wildcards.fold}"


use rule predict_synthetic as predict_condition_sweep with:
    input:
        model=reference_segmenter,
        validation=reference_validation,
        cohorts=[rules.synthesise_condition_sweep.output.chunk],
    output:
        predictions=directory(
            pattern(
                f"tasks/{segmenter}/fold-{{fold}}/synthetic/{{generator}}_generator-seed-{{generator_seed}}_condition-sweep"
            )
        ),
    log:
        pattern("logs/predict_condition_sweep/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern(
            "benchmarks/predict_condition_sweep/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"
        )
    message:
        "Segmenting the condition sweep of {wildcards.generator} with a segmenter trained on real patients only"


rule measure_condition_sweep:
    input:
        predictions=rules.predict_condition_sweep.output.predictions,
        cohort=rules.synthesise_condition_sweep.output.chunk,
        ranges=rules.plan_condition_sweep.output.ranges,
    output:
        rows=pattern("rows/condition-sweep/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"),
        measured=pattern(
            "rows/condition-sweep/{generator}_fold-{fold}_generator-seed-{generator_seed}.measured.tsv"
        ),
    log:
        pattern("logs/measure_condition_sweep/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    params:
        code=code("measure_condition_sweep"),
        evaluation=evaluation_settings,
    message:
        "Measuring the condition sweep of {wildcards.generator}: requested against measured volumes"
    script:
        "../scripts/measure_condition_sweep.py"
