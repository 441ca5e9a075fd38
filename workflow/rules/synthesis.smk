"""Requests, bulk synthesis in chunks, and the synthetic cohort they make."""


rule plan_requests:
    input:
        cohorts=settled("cohorts/{dataset}", dataset=split_datasets),
        split=result("splits/fold-{fold}.tsv"),
        own=requested_files,
        code=code("plan_requests"),
    output:
        requests=directory(result("synthetic/{generator}/fold-{fold}/draw-{draw}/requests")),
    log:
        result("logs/plan_requests/{generator}_fold-{fold}_draw-{draw}.log"),
    conda:
        "../../envs/synthaug.yaml"
    params:
        requests=study.synthesis.requests.model_dump(mode="json"),
        subjects=study.synthesis.subjects,
        grid=study.harmonisation.model_dump(mode="json"),
    message:
        "Planning the requests to {wildcards.generator} on fold {wildcards.fold}"
    script:
        "../scripts/plan_requests.py"


rule describe_generator:
    input:
        models=generator_models,
        code=description_code,
    output:
        description=result("generators/{generator}/fold-{fold}/draw-{draw}/generator.json"),
    log:
        result("logs/describe_generator/{generator}_fold-{fold}_draw-{draw}.log"),
    conda:
        "../../envs/synthaug.yaml"
    params:
        # Whose masks the arms take is no part of what is sampled.
        generator=lambda w: study.generators[w.generator].model_dump(mode="json", exclude={"labels"}),
        roles=lambda w: list(study.generators[w.generator].needs),
    message:
        "Describing {wildcards.generator}, fold {wildcards.fold}, seed {wildcards.draw}"
    script:
        "../scripts/describe_generator.py"


rule synthesise_chunk:
    input:
        requests=rules.plan_requests.output.requests,
        generator=rules.describe_generator.output.description,
        models=generator_models,
        code=generator_code,
    output:
        chunk=directory(result("synthetic/{generator}/fold-{fold}/draw-{draw}/chunks/{chunk}")),
    log:
        result("logs/synthesise_chunk/{generator}_fold-{fold}_draw-{draw}_{chunk}.log"),
    benchmark:
        result("benchmarks/synthesise_chunk/{generator}_fold-{fold}_draw-{draw}_{chunk}.tsv")
    conda:
        "../../envs/synthaug.yaml"
    threads: 8
    resources:
        gpu=gpus(),
        mem_mb=16000,
        runtime="4h",
    params:
        gate=study.synthesis.gate.model_dump(mode="json"),
        batch_size=study.synthesis.batch_size,
        chunk_size=study.synthesis.chunk_size,
    message:
        "Synthesising chunk {wildcards.chunk} with {wildcards.generator}, fold {wildcards.fold}, seed {wildcards.draw}"
    script:
        "../scripts/synthesise_chunk.py"


rule gather_synthetic:
    input:
        requests=rules.plan_requests.output.requests,
        chunks=expand(rules.synthesise_chunk.output.chunk, chunk=chunks, allow_missing=True),
        code=code("gather_synthetic"),
    output:
        cohort=directory(result("synthetic/{generator}/fold-{fold}/draw-{draw}/cohort")),
        rows=result("rows/acceptance/{generator}_fold-{fold}_draw-{draw}.tsv"),
    log:
        result("logs/gather_synthetic/{generator}_fold-{fold}_draw-{draw}.log"),
    wildcard_constraints:
        generator="|".join(sampling_generators) or "none",
    conda:
        "../../envs/synthaug.yaml"
    params:
        minimum_accepted=study.synthesis.gate.minimum_accepted,
    message:
        "Gathering the synthetic cohort of {wildcards.generator}, fold {wildcards.fold}, seed {wildcards.draw}"
    script:
        "../scripts/gather_synthetic.py"


rule lend_cohort:
    input:
        real=lambda w: one("cohorts/{dataset}", dataset=study.generators[w.generator].dataset),
        cohorts=settled("cohorts/{dataset}", dataset=split_datasets),
        split=result("splits/fold-{fold}.tsv"),
        code=code("lend_cohort"),
    output:
        cohort=directory(result("synthetic/{generator}/fold-{fold}/draw-{draw}/cohort")),
    log:
        result("logs/lend_cohort/{generator}_fold-{fold}_draw-{draw}.log"),
    wildcard_constraints:
        generator="|".join(lending_generators) or "none",
    conda:
        "../../envs/synthaug.yaml"
    params:
        split=lambda w: study.datasets[study.generators[w.generator].dataset].split,
    message:
        "Writing real subjects in the place of synthetic ones: {wildcards.generator}, fold {wildcards.fold}, seed {wildcards.draw}"
    script:
        "../scripts/lend_cohort.py"


rule reconstruct_cohort:
    input:
        real=rules.lend_cohort.input.real,
        cohorts=settled("cohorts/{dataset}", dataset=split_datasets),
        split=result("splits/fold-{fold}.tsv"),
        models=generator_models,
        code=lambda w: code("reconstruct_cohort", *model_modules(study.generators[w.generator].through)),
    output:
        cohort=directory(result("synthetic/{generator}/fold-{fold}/draw-{draw}/cohort")),
    log:
        result("logs/reconstruct_cohort/{generator}_fold-{fold}_draw-{draw}.log"),
    benchmark:
        result("benchmarks/reconstruct_cohort/{generator}_fold-{fold}_draw-{draw}.tsv")
    wildcard_constraints:
        generator="|".join(decoding_generators) or "none",
    conda:
        "../../envs/synthaug.yaml"
    threads: 8
    resources:
        gpu=gpus(),
        mem_mb=16000,
        runtime="4h",
    params:
        split=lambda w: study.datasets[study.generators[w.generator].dataset].split,
        through=lambda w: study.generators[w.generator].through,
    message:
        "Writing real subjects as {params.through} decodes them: {wildcards.generator}, fold {wildcards.fold}, seed {wildcards.draw}"
    script:
        "../scripts/reconstruct_cohort.py"
