"""Random generators that depend on a name alone, so that draws are the same in every process and any order."""

from __future__ import annotations

import hashlib

import numpy as np


def generator_named(name: str) -> np.random.Generator:
    """The generator that is seeded by a name; what is drawn for, and every seed, stands in it."""
    return np.random.default_rng(list(hashlib.sha256(name.encode()).digest()))
