"""Invented names of things, so that a proposer learns to copy names and not to know them."""

from __future__ import annotations

import numpy as np

_STARTS = "b bl br c ch cl cr d dr f fl fr g gl gr h j k l m n p pl pr qu r s sc sh sl sp st str t th tr v w wh z".split()
_MIDDLES = "a e i o u ai ea ee oo ou ar er or a e i o u".split()
_ENDS = "b ck d ft g l ll m n nd ng nk nt p r rd rk rn s sh ss st t th x y ght ve le ter er ing et ow".split()
_SPARE = 0.15  # of names have two words


def invented(rng: np.random.Generator) -> str:
    """A name of one or two words, like none and any."""
    words = 2 if rng.random() < _SPARE * 2 else 1
    return " ".join(_word(rng) for _ in range(words))


def _word(rng: np.random.Generator) -> str:
    syllables = int(rng.integers(1, 4))
    parts = [f"{rng.choice(_STARTS)}{rng.choice(_MIDDLES)}" for _ in range(syllables)]
    return "".join(parts) + str(rng.choice(_ENDS))
