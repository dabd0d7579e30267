"""Whatever reads text that a model or file wrote takes time in proportion to its length."""

import sys
import time
from pathlib import Path

import pytest

from lightning_ouro.programs.families import FAMILIES, read
from lightning_ouro.proposer.parsing import parse

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from text_readers import FENCED, PIECES, READERS

SHORTEST, TIMES = 2000, 8  # characters, and how many times as many in the end


def seconds(reader, text):
    best = float("inf")
    for attempt in range(3):
        changed = text + "\N{SNOWMAN}" * (attempt + 1)  # not the same text, which a cache might know
        start = time.process_time()
        reader(changed)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@pytest.mark.parametrize("name", READERS)
def test_eight_times_the_text_takes_about_eight_times_as_long(name):
    reader = READERS[name]
    for piece in PIECES:
        short, long = (piece * (size // len(piece)) for size in (SHORTEST, SHORTEST * TIMES))
        needed = seconds(reader, long)
        # Quadratic time would be 64 times as much. A few milliseconds are too few to compare.
        if needed > 0.02:
            assert needed < 4 * TIMES * max(seconds(reader, short), 1e-3), (piece, needed)


def test_twelve_blanks_a_gap_no_longer_hold_up_the_parent():
    # 280 characters of this kind took 8 seconds, 20 blanks a gap 250 seconds.
    sentence = FAMILIES["route_planning"].forms[-1].template.split("{")[0] + "a looks at the b"
    for gap in (12, 20, 1000):
        for text in (sentence, "Among a, b, c, d, which one has the smallest distance to the e"):
            assert seconds(read, text.replace(" ", " " * gap)) < 0.1
            assert seconds(parse, text.replace(" ", " " * gap) + FENCED) < 0.1
