"""What the text of an open question may be, so that it asks one thing, in words, without giving the answer away.

Whether the answer is right is not decided here: it is derived twice (`open_law`). These rules are about
questions to which two programs could agree on an answer that says nothing: two questions in one, an aside that
holds the answer, a unit that the answer does not have, options that overlap (`open_options`), words that the
metadata can't decide (`open_words`). The lists of words were chosen by hand; a text that they reject by mistake
costs one proposal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from lightning_ouro.programs import open_options
from lightning_ouro.programs.answers import Kind, TypedAnswer, is_readable
from lightning_ouro.programs.open_words import undecidable
from lightning_ouro.programs.scene_geometry import SceneGeometry

LONGEST_TEXT = 400  # characters; chosen by hand

_WORD = re.compile(r"[^\W_]+")


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _set(words: str) -> frozenset[str]:
    return frozenset(_words(words))


_ASKS = re.compile(
    r"(?:^|[,:;.] |\b(?:and|or|but|then|also|tell|me|us|say|know|name|give) )"
    r"(?:(?:and|or|but|then|also|up|in|by|at|to|from|of|on|for|with|about|over) )*"
    r"(how|what|which|whom?|whose|why|(?:where|when)(?= (?:is|are|was|were|does|do|did|has|have|can|could|will)\b))\b"
)
# What says the same again says something else as well: "below a window, i.e. less than 60 cm aside".
_ASIDE = re.compile(
    r"[()]|(?<![^\W_])(?:i\.e\.|e\.g\.|viz\.)|[,;:] (?:that is|that means|meaning|in other words|namely),? "
)
_ASKED_QUANTITY = re.compile(
    r"how (many|much|far|long|tall|high|wide|deep|big|large|close|near|thick|old|heavy)\b"
)
_AUXILIARIES = _set("is are was were does do did has have had can could will would")
# What speaks to the solver, or about the data instead of what the frames show.
_FOREIGN = _set(
    "answer answers answered option options letter letters correct incorrect ignore reply respond response "
    "instruction instructions hint prompt metadata id ids index indices coordinate coordinates program code "
    "function dataset annotation annotations bounding pixel pixels"
)
_METRES = _set("m meter meters metre metres")
_CENTIMETRES = _set("cm centimeter centimeters centimetre centimetres")
# Quantities and units for which there is no type of answer.
_UNTYPED = _set("volume angle speed weight fraction ratio share percentage price age brightness temperature")
_UNTYPED_UNITS = _set(
    "cubic degree degrees second seconds minute minutes hour hours percent kilogram kilograms kg gram grams litre "
    "litres liter liters inch inches foot feet millimeter millimeters millimetre millimetres mm kilometer "
    "kilometers kilometre kilometres km pixel pixels frame frames"
)
_YES_NO = _set("yes no")
_OF_MORE = re.compile(
    r"\b(?:pairs?|pairings?|ways?|orders?|times|moments?|frames?|distances|gaps|objects|things)\b"
)


def problem(text: str, answer: TypedAnswer, names: Sequence[str], geometry: SceneGeometry) -> str | None:
    """Why a text cannot be an open question with this kind of answer, or None.

    Args:
        text: The question, without options.
        answer: What its program returned.
        names: The categories that the text names.
        geometry: The scene.
    """
    if not is_readable(text.replace("?", "."), LONGEST_TEXT):
        return f"an open question is one line of at most {LONGEST_TEXT} plain characters"
    words, lower = _words(text), text.casefold()
    return (
        _not_one_question(text)
        or _speaks_of_data(words)
        or undecidable(lower, answer.kind, names, geometry)
        or (_bad_number(words, text, answer.kind) if answer.among is None else None)
        or (_bad_choice(words, text, answer.among) if answer.among is not None else None)
        or (_too_many(lower, answer, names, geometry) if answer.kind == "count" else None)
    )


def _not_one_question(text: str) -> str | None:
    if not text.endswith("?") or text.count("?") != 1:
        return "an open question is one sentence that ends in a question mark"
    if (aside := _ASIDE.search(text.casefold())) is not None:
        return f"an open question has no asides: {aside[0].strip()!r}"
    asking = _questions(text)
    if asking and _words(text)[0] in _AUXILIARIES:
        asking = [_words(text)[0], *asking]
    if len(asking) > 1:
        return f"an open question asks one thing, not {' and '.join(asking)}"
    if not asking and not _starts_with_verb(text):
        return "an open question is asked in English, with a question word or a verb first"
    return None


def _questions(text: str) -> list[str]:
    """The words that ask, without those that begin a relative clause: "a chair which", "when looked at".

    What asks begins the sentence or one of its clauses, with a preposition or without ("by how many"); "where"
    and "when" ask only before a verb.
    """
    return [match[1] for match in _ASKS.finditer(text.casefold())]


def _starts_with_verb(text: str) -> bool:
    """Whether the sentence, or its main clause after an introduction, begins with an auxiliary verb."""
    return any(_words(clause)[:1] and _words(clause)[0] in _AUXILIARIES for clause in text.split(", "))


def _speaks_of_data(words: Sequence[str]) -> str | None:
    foreign = [word for word in words if word in _FOREIGN]
    return f"{foreign[0]!r} is not about what the frames show" if foreign else None


def _asked_quantity(text: str) -> str | None:
    """The word after a `how` that asks for a quantity, such as `many` or `far`; None in any other question."""
    text = text.casefold()
    asks = (_ASKED_QUANTITY.match(text, match.start(1)) for match in _ASKS.finditer(text))
    return next((match[1] for match in asks if match is not None), None)


def _asked_unit(words: Sequence[str]) -> tuple[str, ...]:
    """The words of the unit that the text asks for, after `in` or `how many`; empty if it asks for none.

    A unit anywhere else belongs to a condition, such as "taller than 90 cm".
    """
    units = _METRES | _CENTIMETRES | _UNTYPED_UNITS
    for before, word, after in zip(words, words[1:], (*words[2:], ""), strict=False):
        if before in ("in", "many") and word in ("square", "sq", "cubic"):
            return word, after
        if before in ("in", "many") and word in units:
            return (word,)
    return ()


def _bad_number(words: Sequence[str], text: str, kind: Kind) -> str | None:
    match _asked_unit(words):
        case ():
            asked = "count" if _asked_quantity(text) == "many" or _has_number_of(words) else None
        case ("square" | "sq", unit) if unit in _METRES:
            asked = "square_metres"
        case (unit,) if unit in _METRES:
            asked = "metres"
        case (unit,) if unit in _CENTIMETRES:
            asked = "centimetres"
        case unit:
            return f"there is no type of answer in {' '.join(unit)}"
    if untyped := [word for word in words if word in _UNTYPED]:
        return f"there is no type of answer for a {untyped[0]}"
    return None if asked == kind else f"the text does not ask for an answer in {kind}"


def _has_number_of(words: Sequence[str]) -> bool:
    return ("number", "of") in pairwise(words)


def _bad_choice(words: Sequence[str], text: str, options: Sequence[str]) -> str | None:
    if _asked_quantity(text) is not None:
        return "the text asks for a quantity, and the answer is a choice"
    problem = open_options.overlap(options)
    if problem is not None:
        return problem
    if set(map(str.casefold, options)) == _YES_NO:
        return "yes and no are no answers to this" if _questions(text) else None
    return open_options.given_away(words, options)


def _too_many(text: str, answer: TypedAnswer, names: Sequence[str], geometry: SceneGeometry) -> str | None:
    """That a count exceeds the number of all objects that the text names, or None; of pairs or ways there are more."""
    most = sum(map(geometry.count, names))
    if not names or not isinstance(answer.value, int) or answer.value <= most or _OF_MORE.search(text):
        return None
    return f"{answer.value} of {most} {' and '.join(names)}: more than there are"
