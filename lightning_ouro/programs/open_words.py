"""Words of an open question that the metadata cannot decide, so that its program has to make something up.

Boxes with names say nothing of looks, weight, use or the side that a thing faces, nor of walls; and there is no
definition of "near" or "tall". A word of the second kind may stand in a text that says how near or
than what. Names of the scene's categories are no such words. All lists were chosen by hand; what they leave out, the
second derivation has to find.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lightning_ouro.programs.answers import Kind
from lightning_ouro.programs.families.wording import LENGTH, mention
from lightning_ouro.programs.scene_geometry import SceneGeometry

_WORD = re.compile(r"[^\W_]+")
_UNKNOWN_WORDS = """
heavy heavier heaviest weigh weighs lightest bright brighter brightest dark darker darkest comfortable expensive cheap
cheaper cheapest old older oldest new newer newest clean cleaner dirty beautiful pretty useful soft softer hard harder
warm warmer cold colder loud louder massive thicker thickest thinner thinnest slimmer slimmest flatter flattest deeper
deepest leg legs wheel wheels armrest armrests backrest backrests handle handles cushion cushions knob knobs button
buttons key keys seat seats shade red green blue yellow brown black white gray grey pink purple beige colored coloured
wooden metal metallic leather plastic empty occupied broken open closed typical odd people persons person sit sits face
faces turned made belong belongs
"""
_VAGUE_WORDS = """
near nearby close beside next tall big large small high low wide narrow long deep thick wall walls ceiling corner
"""
_MEASURED_WORDS = (
    "how as from to m cm meter meters metre metres centimeter centimeters centimetre centimetres"
)
_TOGETHER_WORDS = "average averaged mean together total altogether sum all both any every each either whole"
_UNKNOWN, _VAGUE = frozenset(_UNKNOWN_WORDS.split()), frozenset(_VAGUE_WORDS.split())
_MEASURED, _TOGETHER = frozenset(_MEASURED_WORDS.split()), frozenset(_TOGETHER_WORDS.split())
_SIDES = frozenset(("side", "sides", "edge", "edges"))
# A line may end at its points or go on, points make one figure in one order and another in another, one may be a group.
_FIGURES = re.compile(
    r"\b(?:the (?:\w+ )?lines?|\w+-sided|shapes?|polygons?|quadrilaterals?|perimeters?|groups?|clusters?)\b"
)
_SHOWN = frozenset(("view", "appear", "appears", "visible", "frame", "frames"))
_ROOM = re.compile(
    r"\b(?:middle|cent(?:er|re)) of (?:the|this) room\b|\bhow (?:high|tall) is (?:the|this) room\b"
)
# "Sorted by height" begins at either end; one of two conditions is another question; what fits where depends on more
# than on boxes.
_SORTED = re.compile(
    r"\b(?:sort|order|rank|arrang|list|lin)\w* (?:up |them |in )?by\b|\bin (?:which|what) order\b.* by\b"
)
_PLACE = re.compile(r"\b(?:first|last|second|third|fourth|order)\b")
_FROM_ONE_END = re.compile(r"\b(?:from|ascending|descending|increasing|decreasing|\w{3,}est)\b")
_ALSO = re.compile(r"\b(?:or (?:is it )?the other way (?:a?round|about)|vice versa|conversely)\b")
_FITS = re.compile(
    r"\bfit(?:s|ting)? (?:under\w*|below|beneath|in|into|inside|between|behind|through|on|onto)\b"
)
_COMPARES = re.compile(r"\b(?:than|as \w+ as)(?!\w)")
# A dining table is a table, but not just any, and a bed frame is no bed. "Stand" is too often a verb.
_OTHER_NAME = re.compile(
    r"\b(?:dining|coffee|bedside|kitchen|office|desk|bar) +\||\| +(?:frame|rack|case|holder|cabinet)s?\b"
)
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
_EXTREME = "closest|nearest|farthest|furthest|tallest|highest|lowest|shortest|longest|widest|largest|biggest|smallest"
_GOES_ON = rf"(?! (?:{_EXTREME}|that|which))"  # not followed by a clause that says which
_COMPARATIVE = r"closer|nearer|farther|further|taller|higher|lower|shorter|longer|wider|larger|bigger|smaller"


def undecidable(text: str, kind: Kind, names: Sequence[str], geometry: SceneGeometry) -> str | None:
    """The first words of a text, in lower case, that no metadata decide; None if there are none."""
    rest = text
    for name in sorted(names, key=len, reverse=True):
        rest = mention(name).sub(" | ", rest)
    words = _WORD.findall(rest)
    if unknown := [word for word in words if word in _UNKNOWN]:
        return f"{unknown[0]!r} is nothing that positions and sizes decide"
    if (figure := _FIGURES.search(rest)) is not None:
        return f"{figure[0]!r} may be one of several"
    if (room := _ROOM.search(rest)) is not None:
        return f"{room[0]!r}: walls and ceiling are unknown"
    if (by := _SORTED.search(rest)) is not None and _PLACE.search(rest) and not _FROM_ONE_END.search(rest):
        return f"{by[0]!r} could begin at either end"
    if (said := _ALSO.search(rest) or _FITS.search(rest)) is not None:
        return f"{said[0]!r} could mean more than one thing"
    if (other := _OTHER_NAME.search(rest)) is not None:
        return f"{other[0].strip(' |')!r} makes the name of something else, which is not known to be there"
    if (vague := _vague(rest, words)) is not None:
        return f"{vague!r} has no definition here"
    return _which_of_many(text, words, kind, names, geometry)


def _vague(rest: str, words: Sequence[str]) -> str | None:
    if LENGTH.search(rest) or _COMPARES.search(rest):
        return None
    for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False):
        if word in _VAGUE and before not in _MEASURED and after not in _SIDES:
            return word
    return None


def _which_of_many(
    text: str, words: Sequence[str], kind: Kind, names: Sequence[str], geometry: SceneGeometry
) -> str | None:
    """That one of several objects is asked about as if it were the only one, or their number is another."""
    many = {name: geometry.count(name) for name in names if geometry.count(name) != 1}
    for name in names:
        said_number = re.search(
            rf"\b(?:the ({'|'.join(_NUMBERS)})|(both)) {mention(name).pattern}{_GOES_ON}", text
        )
        if said_number is not None and geometry.count(name) != _NUMBERS.get(said_number[1], 2):
            return f"{said_number[0]!r}: there are {geometry.count(name)}"
    if kind == "count" and many and _SHOWN & set(words):
        return f"of several {next(iter(many))} it is known only when the first is seen"
    for name, number in many.items():
        said, each = mention(name).pattern, "each|every"
        if _TOGETHER.isdisjoint(words) and (the := _the_one(text, name, number)) is not None:
            return f"{the!r} could be one of {number}"
        if _TOGETHER.isdisjoint(words):
            each += "|the|an?|this|these"
        subject = rf"\bhow (?:\w+ ){{1,3}}(?:is|are) (?:{each}) {said}{_GOES_ON}"
        if kind not in ("choice", "count") and re.search(subject, text):
            return f"of which of {number} {name} the text asks it does not say"
        subject = rf"(?:are|do|have|can|could) the {said}{_GOES_ON}"
        if kind == "choice" and _TOGETHER.isdisjoint(words) and re.match(subject, text):
            return f"any or all of {number} {name} could be meant"
    return None


def _the_one(text: str, name: str, number: int) -> str | None:
    """`the chair`, if a text says this of several and does not go on to say which one, or None."""
    which = rf" (?:(?:that|which) )?(?:\w+ )?(?:{_EXTREME}{f'|{_COMPARATIVE}' if number == 2 else ''})\b"
    found = re.search(rf"\bthe {re.escape(name.casefold())}(?![\w(-])(?!{which})", text)
    return None if found is None else found[0]
