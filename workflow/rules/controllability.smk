"""How far a generator obeys: a grid past its training range, made without a gate and measured by a segmenter."""


rule plan_sweep:
    input:
        cohorts=settled("cohorts/{dataset}", dataset=split_datasets),
        split=result("splits/fold-{fold}.tsv"),
        code=code("plan_sweep"),
    output:
        requests=directory(result("synthetic/{generator}/fold-{fold}/draw-{draw}/sweep-requests")),
        ranges=result("synthetic/{generator}/fold-{fold}/draw-{draw}/grid.ranges.json"),
    log:
        result("logs/plan_sweep/{generator}_fold-{fold}_draw-{draw}.log"),
    conda:
        "../../envs/synthaug.yaml"
    params:
        sweep=study.synthesis.sweep.model_dump(mode="json"),
        grid=study.harmonisation.model_dump(mode="json"),
    message:
        "Planning hearts past the training range for {wildcards.generator}, fold {wildcards.fold}"
    script:
        "../scripts/plan_sweep.py"


# The whole grid is one chunk. No gate, and one attempt: what was made is what is measured.
use rule synthesise_chunk as synthesise_grid with:
    input:
        requests=rules.plan_sweep.output.requests,
        generator=rules.describe_generator.output.description,
        models=generator_models,
        code=generator_code,
    output:
        chunk=directory(result("synthetic/{generator}/fold-{fold}/draw-{draw}/grid")),
    log:
        result("logs/synthesise_grid/{generator}_fold-{fold}_draw-{draw}.log"),
    benchmark:
        result("benchmarks/synthesise_grid/{generator}_fold-{fold}_draw-{draw}.tsv")
    params:
        gate={"enabled": False, "attempts": 1},
        batch_size=study.synthesis.batch_size,
        chunk_size=study.synthesis.sweep.levels**2,
    message:
        "Synthesising hearts past the training range with {wildcards.generator}, fold {wildcards.fold}"


use rule predict_synthetic as predict_grid with:
    input:
        model=real_segmenter,
        cohort=rules.synthesise_grid.output.chunk,
        code=code("predict_synthetic"),
    output:
        predictions=directory(result("segmentation/fold-{fold}/synthetic/{generator}_draw-{draw}_grid")),
    log:
        result("logs/predict_grid/{generator}_fold-{fold}_draw-{draw}.log"),
    benchmark:
        result("benchmarks/predict_grid/{generator}_fold-{fold}_draw-{draw}.tsv")
    message:
        "Segmenting {wildcards.generator}'s grid with a segmenter trained on real patients only"


rule measure_grid:
    input:
        predictions=rules.predict_grid.output.predictions,
        cohort=rules.synthesise_grid.output.chunk,
        ranges=rules.plan_sweep.output.ranges,
        code=code("measure_grid"),
    output:
        rows=result("rows/controllability-grid/{generator}_fold-{fold}_draw-{draw}.tsv"),
        measured=result("rows/controllability-grid/{generator}_fold-{fold}_draw-{draw}.measured.tsv"),
    log:
        result("logs/measure_grid/{generator}_fold-{fold}_draw-{draw}.log"),
    conda:
        "../../envs/synthaug.yaml"
    params:
        evaluation=study.evaluation.model_dump(mode="json", exclude={"extractors"}),
    message:
        "Comparing what {wildcards.generator} was asked for on the grid with what it made"
    script:
        "../scripts/measure_grid.py"
