"""Attention of text-driven generators: where they look at a word, against the region that it names."""

from synthaug.views import has_volumes

# Requests for the masks of training patients: of simulated ones it is known where an infarct lies.
simulated_datasets = [
    name
    for name in split_datasets
    if study.datasets[name].phantom and has_volumes(study.datasets[name].shows)
    if study.synthesis.requests.source == "training"
]


rule measure_attention:
    input:
        requests=all_requests,
        generator=rules.describe_generator.output.description,
        models=generator_models,
        simulated=paths("raw/{dataset}", dataset=simulated_datasets),
    output:
        rows=pattern("rows/attention/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"),
        examples=pattern(
            "rows/attention/{generator}_fold-{fold}_generator-seed-{generator_seed}.examples.npz"
        ),
    log:
        pattern("logs/measure_attention/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern("benchmarks/measure_attention/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv")
    threads: NETWORK_THREADS
    resources:
        **RUNS_NETWORK,
    params:
        code=attention_code,
        simulated=simulated_datasets,
        attention=study.evaluation.attention and study.evaluation.attention.model_dump(mode="json"),
        evaluation=evaluation_settings,
    message:
        "Measuring the attention of {wildcards.generator} to words, fold {wildcards.fold}"
    script:
        "../scripts/measure_attention.py"
