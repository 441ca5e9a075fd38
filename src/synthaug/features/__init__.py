"""Feature extractors: what turns cines into the vectors that distances compare."""

from synthaug.features.base import Extractor, ExtractorAbsent
from synthaug.features.extraction import extract_features, make_extractor
from synthaug.features.files import FeatureSet, read_features

__all__ = [
    "Extractor",
    "ExtractorAbsent",
    "FeatureSet",
    "extract_features",
    "make_extractor",
    "read_features",
]
