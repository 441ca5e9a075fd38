"""Requests, bulk synthesis in chunks, and the synthetic cohort they make."""


rule plan_requests:
    input:
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
        own=requested_files,
        sampler=requests_sampler,
        # Only training subjects are requested with what models read of them; drawn hearts have none of it.
        phenotypes=paths("phenotypes/{dataset}.tsv", dataset=split_datasets if requested["columns"] else []),
    output:
        requests=directory(
            pattern("synthetic/{generator}/fold-{fold}/generator-seed-{generator_seed}/requests/{chunk}")
        ),
    log:
        pattern("logs/plan_requests/{generator}_fold-{fold}_generator-seed-{generator_seed}_{chunk}.log"),
    benchmark:
        pattern(
            "benchmarks/plan_requests/{generator}_fold-{fold}_generator-seed-{generator_seed}_{chunk}.tsv"
        )
    params:
        code=requests_code,
        requests=study.synthesis.requests.model_dump(mode="json"),
        # Not how many there are in all: more of them leave this chunk as it is.
        numbers=lambda w: (chunks[int(w.chunk)].start, chunks[int(w.chunk)].stop),
        grid=study.harmonisation.model_dump(mode="json"),
        phenotypes=requested,
    message:
        "Planning the requests to {wildcards.generator}, chunk {wildcards.chunk}, fold {wildcards.fold}"
    script:
        "../scripts/plan_requests.py"


rule word_requests:
    input:
        requests=rules.plan_requests.output.requests,
        sentences=packed_sentences,
    output:
        requests=directory(
            pattern(
                "synthetic/{generator}/fold-{fold}/generator-seed-{generator_seed}/worded-requests/{chunk}"
            )
        ),
    log:
        pattern("logs/word_requests/{generator}_fold-{fold}_generator-seed-{generator_seed}_{chunk}.log"),
    params:
        code=code("word_requests"),
        held_out=study.text.requested == "held_out",
    message:
        "Writing the requests to {wildcards.generator} in words, chunk {wildcards.chunk}, fold {wildcards.fold}"
    script:
        "../scripts/word_requests.py"


rule describe_generator:
    input:
        models=generator_models,
    output:
        description=pattern(
            "generators/{generator}/fold-{fold}/generator-seed-{generator_seed}/generator.json"
        ),
    log:
        pattern("logs/describe_generator/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    params:
        code=description_code,
        # Whose masks the arms take is no part of what is sampled.
        generator=lambda w: study.generators[w.generator].model_dump(mode="json", exclude={"labels"}),
        roles=lambda w: list(study.generators[w.generator].needs),
    message:
        "Describing {wildcards.generator}, fold {wildcards.fold}, generator seed {wildcards.generator_seed}"
    script:
        "../scripts/describe_generator.py"


rule synthesise_chunk:
    input:
        requests=requests_as_read("requests/{chunk}"),
        generator=rules.describe_generator.output.description,
        models=generator_models,
    output:
        chunk=directory(
            pattern("synthetic/{generator}/fold-{fold}/generator-seed-{generator_seed}/chunks/{chunk}")
        ),
    log:
        pattern("logs/synthesise_chunk/{generator}_fold-{fold}_generator-seed-{generator_seed}_{chunk}.log"),
    benchmark:
        pattern(
            "benchmarks/synthesise_chunk/{generator}_fold-{fold}_generator-seed-{generator_seed}_{chunk}.tsv"
        )
    threads: NETWORK_THREADS
    resources:
        **RUNS_NETWORK,
        # No parameter: memory and time follow from it, cines do not.
        batch_size=study.synthesis.batch_size,
    params:
        code=generator_code,
        # How many samples have to pass counts when they are gathered.
        gate=study.synthesis.gate.model_dump(mode="json", exclude={"minimum_accepted"}),
    message:
        "Synthesising chunk {wildcards.chunk} with {wildcards.generator}, fold {wildcards.fold}, generator seed {wildcards.generator_seed}"
    script:
        "../scripts/synthesise_chunk.py"


rule gather_synthetic:
    input:
        requests=all_requests,
        chunks=expand(rules.synthesise_chunk.output.chunk, chunk=range(len(chunks)), allow_missing=True),
    output:
        cohort=directory(pattern("synthetic/{generator}/fold-{fold}/generator-seed-{generator_seed}/cohort")),
    log:
        pattern("logs/gather_synthetic/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern("benchmarks/gather_synthetic/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv")
    wildcard_constraints:
        generator=any_of(name for name in study.generators if is_sampled(study, name)),
    resources:
        **grows_with("requests", seconds=0.1, mib=0.01),
        # No parameter: it decides whether there is a cohort, not what is in it.
        minimum_accepted=str(study.synthesis.gate.minimum_accepted),
    params:
        code=code("gather_synthetic"),
    message:
        "Gathering the synthetic cohort of {wildcards.generator}, fold {wildcards.fold}, generator seed {wildcards.generator_seed}"
    script:
        "../scripts/gather_synthetic.py"


# Behind the cohort, so that another share is checked and makes nothing again that follows from the cohort.
rule check_acceptance:
    input:
        cohort=rules.gather_synthetic.output.cohort,
    output:
        rows=pattern("rows/acceptance/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"),
    log:
        pattern("logs/check_acceptance/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    resources:
        **grows_with("cohort", seconds=0.01, mib=0.01),
    params:
        code=code("check_acceptance"),
        minimum_accepted=study.synthesis.gate.minimum_accepted,
    message:
        "Counting what was accepted of {wildcards.generator}, fold {wildcards.fold}, generator seed {wildcards.generator_seed}"
    script:
        "../scripts/check_acceptance.py"


rule bring_cohort:
    input:
        described=lambda w: [Path(brought_folder(w), name) for name in ("cohort.json", "subjects.tsv")],
    output:
        cohort=directory(pattern("synthetic/{generator}/brought")),
    log:
        pattern("logs/bring_cohort/{generator}.log"),
    benchmark:
        pattern("benchmarks/bring_cohort/{generator}.tsv")
    resources:
        **hashes("described"),
    params:
        code=code("bring_cohort"),
        folder=brought_folder,
        # The time of a folder stays when a cine in it is overwritten.
        state=lambda w: folder_state(brought_folder(w)),
    message:
        "Bringing in the synthetic cohort {wildcards.generator}"
    script:
        "../scripts/bring_cohort.py"


rule use_real_as_synthetic:
    input:
        real=real_dataset,
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
        models=[],
    output:
        cohort=directory(pattern("synthetic/{generator}/fold-{fold}/generator-seed-{generator_seed}/cohort")),
    log:
        pattern("logs/use_real_as_synthetic/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern(
            "benchmarks/use_real_as_synthetic/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"
        )
    wildcard_constraints:
        generator=any_of(
            name for name in study.generators if is_real(study, name) and not is_reconstructed(study, name)
        ),
    params:
        code=code("use_real_as_synthetic"),
        split=lambda w: study.datasets[study.generators[w.generator].dataset].split,
        through=lambda w: study.generators[w.generator].through,
    message:
        "Using real subjects as {wildcards.generator}, fold {wildcards.fold}, generator seed {wildcards.generator_seed}"
    script:
        "../scripts/use_real_as_synthetic.py"


# The same subjects as an autoencoder decodes them.
use rule use_real_as_synthetic as reconstruct_real_as_synthetic with:
    input:
        real=real_dataset,
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
        models=generator_models,
    output:
        cohort=directory(pattern("synthetic/{generator}/fold-{fold}/generator-seed-{generator_seed}/cohort")),
    log:
        pattern(
            "logs/reconstruct_real_as_synthetic/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"
        ),
    benchmark:
        pattern(
            "benchmarks/reconstruct_real_as_synthetic/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"
        )
    wildcard_constraints:
        generator=any_of(name for name in study.generators if is_reconstructed(study, name)),
    threads: NETWORK_THREADS
    resources:
        **RUNS_NETWORK,
    params:
        code=lambda w: code_of("use_real_as_synthetic", *model_modules(study.generators[w.generator].through)),
    message:
        "Reconstructing real subjects as {wildcards.generator}, fold {wildcards.fold}, generator seed {wildcards.generator_seed}"
