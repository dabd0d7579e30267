"""What the text of an open question may be, so that it asks one thing, in words, without giving the answer away.

Whether the answer is right is not decided here: it is derived twice (`open_law`). These rules are about
questions to which two programs could agree on an answer that says nothing: two questions in one, an aside that
holds the answer, options that overlap, a unit that the answer does not have. The lists of words were chosen by
hand; a text that they reject by mistake costs one proposal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from lightning_ouro.programs.answers import Kind, TypedAnswer, is_readable
from lightning_ouro.programs.scene_geometry import SceneGeometry

LONGEST_TEXT = 400  # characters; chosen by hand

_WORD = re.compile(r"[^\W_]+")


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _set(words: str) -> frozenset[str]:
    return frozenset(_words(words))


_ASKING = _set("how what which who whom whose where when why")
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
_QUANTITIES = _set("many much far long tall high wide deep big large close near thick old heavy")
_ARTICLES, _YES_NO = _set("the a an"), _set("yes no")
_METRES_PER = {"m": 1.0, "meter": 1.0, "metre": 1.0, "cm": 0.01, "centimeter": 0.01, "centimetre": 0.01}
_LENGTH = re.compile(r"([0-9]+(?:[.][0-9]+)?) ?([a-z]*?)s?")


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
    words = _words(text)
    return (
        _not_one_question(text, words)
        or _speaks_of_data(words)
        or _ambiguous(text.casefold(), names, geometry)
        or (_bad_number(words, answer.kind) if answer.among is None else _bad_choice(words, answer.among))
    )


def _not_one_question(text: str, words: Sequence[str]) -> str | None:
    if not text.endswith("?") or text.count("?") != 1:
        return "an open question is one sentence that ends in a question mark"
    if "(" in text or ")" in text:
        return "an open question has no asides in parentheses"
    asking = [word for word in words if word in _ASKING]
    if len(asking) > 1:
        return f"an open question asks one thing, not {' and '.join(asking)}"
    if not asking and not _starts_with_verb(text):
        return "an open question is asked in English, with a question word or a verb first"
    return None


def _starts_with_verb(text: str) -> bool:
    """Whether the sentence, or its main clause after an introduction, begins with an auxiliary verb."""
    return any(_words(clause)[:1] and _words(clause)[0] in _AUXILIARIES for clause in text.split(", "))


def _speaks_of_data(words: Sequence[str]) -> str | None:
    foreign = [word for word in words if word in _FOREIGN]
    return f"{foreign[0]!r} is not about what the frames show" if foreign else None


def _ambiguous(text: str, names: Sequence[str], geometry: SceneGeometry) -> str | None:
    for name in names:
        if not geometry.is_unique(name) and re.search(rf"\bthe {re.escape(name.casefold())}(?![\w(])", text):
            return f"'the {name}' could be one of {geometry.count(name)}"
    return None


def _asked_quantity(words: Sequence[str]) -> str | None:
    """The word after `how` in a question for a quantity, such as `many` or `far`; None in any other question."""
    pairs = pairwise(words)
    return next((after for word, after in pairs if word == "how" and after in _QUANTITIES), None)


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


def _bad_number(words: Sequence[str], kind: Kind) -> str | None:
    match _asked_unit(words):
        case ():
            asked = "count" if _asked_quantity(words) == "many" or _has_number_of(words) else None
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


def _bad_choice(words: Sequence[str], options: Sequence[str]) -> str | None:
    if _asked_quantity(words) is not None:
        return "the text asks for a quantity, and the answer is a choice"
    said = f" {' '.join(words)} "
    meanings = [_meaning(option) for option in options]
    for index, meaning in enumerate(meanings):
        for other in meanings[:index]:
            if meaning <= other or other <= meaning:
                return f"options that do not exclude one another: {list(options)}"
    if set(map(str.casefold, options)) == _YES_NO:
        return "yes and no are no answers to this" if any(word in _ASKING for word in words) else None
    for option in options:
        if f" {' '.join(_words(option))} " not in said:
            return f"the option {option!r}, which the text does not name"
    return None


def _meaning(option: str) -> frozenset[str]:
    """An option's words without articles; a length in metres, whatever its unit."""
    match = _LENGTH.fullmatch(option.casefold())
    if match is not None:
        scale = _METRES_PER.get(match[2])
        return frozenset((f"{float(match[1]) * (scale or 1.0):.6g}", "m" if scale else match[2]))
    return frozenset(word for word in _words(option) if word not in _ARTICLES)
