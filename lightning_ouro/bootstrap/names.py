"""Invented names of objects, so that a proposer learns to copy any name rather than to know a few.

The syllables and their frequencies are chosen by hand to resemble English. None of the names that
benchmarks/proposer.py tests with can be made from them.
"""

from __future__ import annotations

import numpy as np

_STARTS = (
    "b bl br c ch cl cr d dr f fl fr g gl gr h j k l m n p pl pr qu r s sc sh sl sp st str t th tr v w wh z"
)
_MIDDLES = "a e i o u a e i o u ai ea ee oo ou ar er or"
_ENDS = "b ck d ft g l ll m n nd ng nk nt p r rd rk rn s sh ss st t th x y ght ve le ter er ing et ow"
_TWO_WORDS_SHARE = 0.3  # of names
_MAX_SYLLABLES = 3  # of a word


def invented_name(rng: np.random.Generator) -> str:
    """A name of one or two words."""
    return " ".join(_word(rng) for _ in range(2 if rng.random() < _TWO_WORDS_SHARE else 1))


def _word(rng: np.random.Generator) -> str:
    syllables = int(rng.integers(1, _MAX_SYLLABLES + 1))
    parts = [f"{rng.choice(_STARTS.split())}{rng.choice(_MIDDLES.split())}" for _ in range(syllables)]
    return "".join(parts) + str(rng.choice(_ENDS.split()))
