"""From a cohort to a feature file, one cine in memory at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from synthaug.config.features import ExtractorSettings
from synthaug.data.cohort import Cohort
from synthaug.features.base import Extractor, ExtractorAbsent, TextExtractor
from synthaug.features.depth import with_thirds
from synthaug.features.files import FeatureMeta, FeatureSet
from synthaug.features.spool import FeatureSpool


def make_extractor(settings: ExtractorSettings, weights: str | Path | None = None) -> Extractor:
    """Make the extractor a study names.

    Parameters
    ----------
    settings : ExtractorSettings
        An entry of `evaluation.extractors`.
    weights : path, optional
        The trained model's ``model.safetensors``, for an extractor of kind ``study``.

    Raises
    ------
    ExtractorAbsent
        Its weights are not there; the message says how to get them.
    SynthaugError
        Its weights are not the ones named, or of another network.
    """
    if settings.kind == "study":
        from synthaug.features.study import StudyExtractor

        return StudyExtractor(None if weights is None else Path(weights))
    if settings.kind == "inception":
        from synthaug.features.inception import InceptionExtractor

        return InceptionExtractor(settings.weights, settings.sha256)
    if settings.kind == "image_text":
        from synthaug.features.image_text_pair import ImageTextExtractor

        return ImageTextExtractor(settings.weights, settings.sha256, settings.prompt)
    if settings.kind == "torchvision":
        from synthaug.features.torchvision_video import torchvision_extractor

        return torchvision_extractor(
            settings.network,
            settings.weights,
            settings.sha256,
            settings.frames,
            settings.size,
            settings.mean,
            settings.deviation,
            settings.resize_antialias,
        )
    from synthaug.features.torchscript import i3d_extractor, torchscript_extractor

    if settings.kind == "i3d":
        return i3d_extractor(settings.weights, settings.sha256, settings.frames)
    from synthaug.features.preprocessing import Preprocessing

    wanted = Preprocessing(
        settings.size,
        settings.channels,
        settings.mean,
        settings.deviation,
        settings.frames,
        settings.resize_antialias,
    )
    return torchscript_extractor(settings.weights, settings.sha256, wanted)


def extract_features(
    cohort: Cohort,
    settings: ExtractorSettings,
    output: str | Path,
    weights: str | Path | None = None,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Extract the features of a cohort and write them to a file.

    Parameters
    ----------
    cohort : Cohort
        Real or synthetic subjects.
    settings : ExtractorSettings
        An entry of `evaluation.extractors`.
    output : path
        ``.npz`` file to write. Where the extractor is absent the file says so, and so will every
        distance measured from it.
    weights : path, optional
        See `make_extractor`.
    threads : int
        CPU threads.
    progress : callable, optional
        Called with the subjects done and to do.
    """
    import torch

    torch.set_num_threads(threads)
    try:
        extractor = make_extractor(settings, weights)
    except ExtractorAbsent as reason:
        FeatureSet((), {}, settings.kind, absent=str(reason)).write(output)
        return
    with FeatureSpool() as spool:
        for done, subject in enumerate(cohort.subjects):
            cine = cohort.cine(subject)
            features = with_thirds(extractor.extract(cine), cine.shape[1])
            if isinstance(extractor, TextExtractor):
                text = extractor.describe(cohort.record(subject))
                features |= {} if text is None else {"text": text[None]}
            spool.add(subject, features)
            if progress:
                progress(done + 1, len(cohort.subjects))
        spool.write(output, FeatureMeta(extractor.id, extractor.whiten, extractor.seen))
