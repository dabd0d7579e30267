"""Which answers are too common: in a family, and in a family's questions about one category.

Both are what habit learns: "left" is right of most doors, and chairs are four. So in a family at most 40 % of the
numeric questions may share an answer, and at most 1/k + 10 percentage points of those with k options (a few repeats
are always allowed). And of a family's questions about one category (a name in its main role; a question about two
counts for both), no answer is that of more than half: from the third question on, none outnumbers all others
together by more than one. So of an even number it is at most half, of an odd one at most the larger half; with less
than that room, two answers such as left and right, two times each, would shut each other out for good. Numbers other
than counts are the same answer if the printed ones are within 10 %; around none of them lie more than half.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import NamedTuple, final

from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import Unit

# All chosen by hand, so that constant answers score little; what they lead to: benchmarks/README.md, "What is
# accepted".
COMMONEST_NUMBER = 0.4  # share of a family's numbers that may be the same
COMMONEST_CHOICE = 0.1  # the same for choices, above 1/k
MIN_ALLOWED_REPEATS = 5  # questions with the same answer that a family admits regardless of their share
MIN_ALLOWED_REPEATS_OF_ONE = 2  # the same, about one category
SIMILAR = 0.1  # by which two lengths or areas may differ, relative to the larger one, and be the same answer


class Given(NamedTuple):
    """An answer that was given, or might be, and to what question.

    Attributes:
        family: The question's family.
        num_options: Number of its options; 0 for a number.
        value: The answer as it is printed; for a choice, its text.
        unit: The unit of a number, None for a choice.
        objects: What the question names, by role.
    """

    family: str
    num_options: int
    value: str
    unit: Unit | None
    objects: Mapping[str, tuple[str, ...]]

    @property
    def categories(self) -> frozenset[str]:
        """What the question is mainly about, without times and words."""
        family = FAMILIES[self.family]
        return frozenset(() if family.main_role in family.words else self.objects.get(family.main_role, ()))


_Answer = tuple[Unit | None, str]


@final
class CommonAnswers:
    """Counts the answers of a pool's questions; what may enter depends on these counts alone."""

    def __init__(self) -> None:
        self._in_family: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
        self._about: dict[tuple[str, str], Counter[_Answer]] = defaultdict(Counter)

    def add(self, given: Given) -> None:
        """Counts an answer."""
        self._in_family[given.family, given.num_options][given.value] += 1
        for category in given.categories:
            self._about[given.family, category][given.unit, given.value] += 1

    def too_common(self, given: Given) -> str | None:
        """Why one more such answer would be too many, or None."""
        problems = (self._too_common_about(given, category) for category in sorted(given.categories))
        return self._too_common_in_family(given) or next(filter(None, problems), None)

    def _too_common_in_family(self, given: Given) -> str | None:
        k = given.num_options
        limit = 1 / k + COMMONEST_CHOICE if k else COMMONEST_NUMBER
        answers = self._in_family[given.family, k]
        same, total = answers[given.value] + 1, answers.total() + 1
        # As many answers as the limit has room for may grow together: else three at a third each would block
        # each other.
        level = sorted(answers.values(), reverse=True)[: math.ceil(1 / limit)]
        keeps_level = len(level) == math.ceil(1 / limit) and same <= level[-1] + 1
        if same <= max(MIN_ALLOWED_REPEATS, limit * total) or keeps_level:
            return None
        return f"{given.value!r} would answer {same} of {total} questions of {given.family}; at most {limit:.0%} may"

    def _too_common_about(self, given: Given, category: str) -> str | None:
        answer = (given.unit, given.value)
        answers = self._about[given.family, category] + Counter([answer])
        same, total = _most_around(answer, answers), answers.total()
        if same <= max(MIN_ALLOWED_REPEATS_OF_ONE, math.ceil(total / 2)):
            return None
        about = f"{total} questions of {given.family} about {category}"
        return f"{given.value!r} would be the answer, or near it, of {same} of {about}; at most half may"


def _most_around(answer: _Answer, answers: Counter[_Answer]) -> int:
    """How many answers are the same as one, or as one of those that it is the same as: the most of these."""
    around = [other for other in answers if _are_same(answer, other)]
    return max(sum(n for other, n in answers.items() if _are_same(middle, other)) for middle in around)


def _are_same(one: _Answer, other: _Answer) -> bool:
    if one == other or one[0] != other[0] or one[0] in (None, "count"):
        return one == other
    first, second = float(one[1]), float(other[1])
    return abs(first - second) <= SIMILAR * max(first, second)
