"""Short names of categories and times, which a small model copies where it would misspell long names.

The shape of a name says what its category is good for: `@3` is a single object, `@m3` several objects that
can be counted, `@o3` several that cannot. Its number says what last round showed: below 32 nothing was asked
about the category, from 32 to 47 less should be asked, from 48 to 63 more. A small model goes by what a name
itself says: 1,000 bootstrap steps with bands only in lines of their own changed nothing (likelihood of
obedient replies under swapped bands: +0.000 ± 0.001 nats), while numbers were learnt within 250 steps.

Each such range is numbered without gaps, so that its first number nearly always exists. Which category gets
which number is random, but the same for the same scene. A time's short name is its frame's index, `#2`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from itertools import chain, count
from types import MappingProxyType

import numpy as np

from lightning_ouro.programs.families import Family, Roles
from lightning_ouro.programs.scene_geometry import SceneGeometry
from lightning_ouro.proposer.described_categories import DescribedCategory, described_categories

# First number of each range: nothing asked / ask less / ask more / overflow of any range. The tiny tokenizer
# has a token for the numbers 0 to 63 (assets/build_tiny.py: MAX_NAMES); the bounds themselves were chosen by
# hand.
ASK_LESS_FROM, ASK_MORE_FROM, OVERFLOW_FROM = 32, 48, 64
_SHORT_NAME = re.compile(r"@[mo]?[0-9]+|#[0-9]+")


class ShortNames:
    """The short names of one scene, and the way back.

    Args:
        categories: Short names by category.
        times: Short names by time, where a time is written as questions write it, in seconds.
    """

    def __init__(self, categories: Mapping[str, str], times: Mapping[str, str]) -> None:
        self.categories, self.times = categories, times
        self._long = {short: name for names in (categories, times) for name, short in names.items()}

    @classmethod
    def of(
        cls, geometry: SceneGeometry, max_objects: int, asked_about: Mapping[str, bool] = MappingProxyType({})
    ) -> ShortNames:
        """Short names for everything that a prompt describes; `asked_about` is that of the `Brief`."""
        digest = hashlib.sha256(f"short names {geometry.scene.id}".encode()).digest()
        rng, categories = np.random.default_rng(list(digest)), dict[str, str]()
        described = described_categories(geometry, max_objects)
        for prefix in ("@", "@m", "@o"):
            of_prefix = [entry.category for entry in described if _prefix(entry) == prefix]
            ranges = {
                None: range(ASK_LESS_FROM),
                False: range(ASK_LESS_FROM, ASK_MORE_FROM),
                True: range(ASK_MORE_FROM, OVERFLOW_FROM),
            }
            overflow = count(OVERFLOW_FROM)
            numbers = {ask_more: chain(of_range, overflow) for ask_more, of_range in ranges.items()}
            for index in rng.permutation(len(of_prefix)):
                category = of_prefix[int(index)]
                number = next(numbers[asked_about.get(category)])
                categories[category] = f"{prefix}{number}"
        times: dict[str, str] = {}
        for frame, seconds in enumerate(geometry.times):
            times.setdefault(seconds, f"#{frame}")
        return cls(categories, times)

    def shorten_roles(self, family: Family, roles: Roles) -> Roles:
        """The roles of a question, with short names where there are any."""
        shortened = dict(roles)
        for role, names in roles.items():
            short = self.times if role == "times" else {} if role in family.words else self.categories
            shortened[role] = tuple(short.get(name, name) for name in names)
        return shortened

    def shorten_option(self, option: str) -> str:
        """A choice, which may be a category, a list of categories or other words, with short names."""
        return ", ".join(self.categories.get(part, part) for part in option.split(", "))

    def expand(self, reply: str) -> str:
        """A reply with every known short name written out; unknown ones stay as they are."""
        return _SHORT_NAME.sub(lambda match: self._long.get(match[0], match[0]), reply)


def _prefix(entry: DescribedCategory) -> str:
    return "@" if entry.count == 1 else "@m" if entry.is_countable else "@o"
