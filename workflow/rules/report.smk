"""From tables and cohorts to one page: content first, then the template."""


rule gather_content:
    input:
        current=one("tables/current.json"),
        cohorts=settled("cohorts/{dataset}", dataset=split_datasets),
        splits=settled("splits/fold-{fold}.tsv", fold=folds),
        synthetic=synthetic_runs,
        measured=settled(
            "rows/controllability/{generator}_fold-{fold}_draw-{draw}.measured.tsv",
            generator=study.generators,
            fold=folds,
            draw=draws,
        ),
        grids=of_grids("synthetic/{generator}/fold-{fold}/draw-{draw}/grid"),
        grid_ranges=of_grids("synthetic/{generator}/fold-{fold}/draw-{draw}/grid.ranges.json"),
        grid_measured=of_grids("rows/controllability-grid/{generator}_fold-{fold}_draw-{draw}.measured.tsv"),
        pairs=settled(
            "rows/memorisation/{generator}_fold-{fold}_draw-{draw}.pairs.tsv",
            generator=study.generators,
            fold=folds,
            draw=draws,
        ),
        maps=[
            one("features/{e}/fold-{f}/{g}_draw-{d}.map.tsv", e=extractor, f=fold, g=generator, d=draw)
            for extractor, generator, fold, draw in feature_maps()
        ],
        models=[
            one("models/{model}/fold-{fold}/seed-{seed}/training.json", model=model, fold=fold, seed=seed)
            for model, fold, seed in trained_models()
        ],
        segmenters=arm_runs("segmentation/fold-{fold}/arms/{arm}/draw-{draw}/seed-{seed}/model"),
        code=code("gather_content", *section_modules()),
    output:
        content=directory(result("report")),
    log:
        result("logs/gather_content.log"),
    conda:
        "../../envs/synthaug.yaml"
    params:
        study=study.model_dump(mode="json"),
        datasets=split_datasets,
        design_warnings=design_warnings(study),
        arms=[vars(arm) for arm in arms.values()],
        runs=[(generator, fold, draw) for generator in study.generators for fold in folds for draw in draws],
        grid_runs=grid_runs(),
        maps=feature_maps(),
        models=trained_models(),
        segmenters=[
            (arm if len(arm_draws(arm)) == 1 else f"{arm}, generator seed {draw}", fold, seed)
            for arm in arms
            for fold in folds
            for draw in arm_draws(arm)
            for seed in study.segmentation.seeds
        ],
    message:
        "Drawing the figures of the report"
    script:
        "../scripts/gather_content.py"


rule render_report:
    input:
        content=rules.gather_content.output.content,
        template=template_files(),
        code=code("render_report"),
    output:
        page=result("report.html"),
    log:
        result("logs/render_report.log"),
    conda:
        "../../envs/synthaug.yaml"
    message:
        "Rendering the report"
    script:
        "../scripts/render_report.py"
