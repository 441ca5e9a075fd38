"""Metrics that a verdict can rest on, as configuration takes them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from synthaug.metric_registry import ENDPOINTS, nearest_endpoint


def _check_endpoint(name: str) -> str:
    if name not in ENDPOINTS:
        raise ValueError(f"{name!r} is no endpoint; {nearest_endpoint(name)}")
    return name


#: A metric that may be primary or in the family of tests.
Endpoint = Annotated[str, AfterValidator(_check_endpoint), WithJsonSchema({"enum": list(ENDPOINTS)})]
