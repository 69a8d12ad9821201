"""The real Beagle runs of examples/data: where they lie and what is known of a run before it starts."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).parent.parent / "examples" / "data"
FEATURES = (
    "n_threads",
    "burnin_iterations",
    "main_iterations",
    "window_cm",
    "n_variants",
    "n_samples",
    "n_ref_variants",
    "n_ref_samples",
)
