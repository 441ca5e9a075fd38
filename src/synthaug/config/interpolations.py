"""Names of interpolations; a file of its own, so that who resamples depends on no other setting."""

from __future__ import annotations

from typing import Literal

Interpolation = Literal["linear", "cubic", "lanczos"]
FrameInterpolation = Literal["linear", "cubic"]
