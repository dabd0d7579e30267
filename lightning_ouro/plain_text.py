"""Text that files and models wrote, made comparable before anything else sees it.

Folding and lower case are all that is ever done to a text before it is compared; both take time in proportion
to its length. Neither turns a character that only looks like an ASCII letter into one.
"""

from __future__ import annotations


def folded(text: str) -> str:
    """The text with one space for each run of white space, of whatever kind, and none at its ends."""
    return " ".join(text.split())


def printable(text: str) -> str:
    """The text on one line, with a question mark for each character that a terminal might act on."""
    return "".join(character if character.isprintable() else "?" for character in folded(text))


def lower_case(text: str) -> str:
    """The text in lower case, by which names are compared.

    Only ASCII letters become ASCII letters: `str.casefold` turns the long s (U+017F) into s, the Kelvin sign
    (U+212A) into k, and the sharp s into ss, so that what a person reads as another name would count as the
    same.
    """
    return text.lower() if text.isascii() else "".join(map(_lower_case, text))


def _lower_case(character: str) -> str:
    lower = character.casefold()
    return lower if character.isascii() or not any(map(str.isascii, lower)) else character
