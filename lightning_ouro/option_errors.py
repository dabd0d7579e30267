"""What was wrong with an option, in one line: its name, what was given, and what is allowed.

jsonargparse tells each type that it has tried, over as many lines, with Python's own names for them, and repeats them
for each class that a value lies in.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence

from lightning_ouro.errors import shortened

_KEY = re.compile(r'Parser key "([^"]*)":\s*')
_REFUSED = re.compile(r"Problem with given class_path '([^']*)':\s*Option '([^']*)' is not accepted")
_EXPECTED = re.compile(r"Expected an? (?!path but )(.*?)(?=\n|$|\. Got value: |: )")
_SUBCLASS = "Not a valid subclass of "
_GIVEN = (
    re.compile(r"\. Got value: (.*)", re.DOTALL),
    re.compile(r"\n\s*Given value: (.*)", re.DOTALL),
    re.compile(r"Expected a dot import path string: (.*)", re.DOTALL),
)
_NESTED = re.compile(r"NestedArg\(key='([^']*)', val=(?:'(.*)'|(.*))\)", re.DOTALL)
_CLASS = "a class (its import path, or a dictionary of its options)"
_WORDS = {
    "int": ["a whole number"],
    "float": ["a number"],
    "bool": ["true", "false"],
    "str": ["text"],
    "NoneType": ["null"],
    "dict": ["a dictionary"],
    **{name: ["a list"] for name in ("list", "tuple", "set", "Iterable", "Sequence")},
}


def readable(error: Exception) -> str:
    """An error of jsonargparse's in a line, such as `model.lora.rank=x must be a whole number`."""
    names, text = _innermost(str(error))
    option = ".".join(names)
    if option and (refused := _REFUSED.search(text)):
        return f"{option}: {refused[1].rpartition('.')[2]} has no option {refused[2]!r}"
    given, allowed = _given(text), _allowed(text)
    if not option or given is None or not allowed:
        return " ".join(str(error).split())
    if nested := _NESTED.fullmatch(given):
        option, given = f"{option}.{nested[1]}", nested[2] or nested[3] or ""
    return f"{option}={shortened(given)} must be {_one_of(allowed)}"


def _innermost(text: str) -> tuple[list[str], str]:
    """The names that lead to the first value that was refused, and what is said of it."""
    names: list[str] = []
    while found := _KEY.search(text):
        names.append(found[1])
        indent = len(text[: found.start()].rpartition("\n")[2])
        rest = text[found.end() :]
        # What is said of a value is indented by more than its name; the outermost name has the whole text.
        end = re.search(rf"\n {{0,{indent}}}(?=[^ \n])", rest) if indent else None
        text = rest[: end.start()] if end else rest
    return names, text


def _given(text: str) -> str | None:
    found = (pattern.search(text) for pattern in _GIVEN)
    return next((match[1].strip() for match in found if match), None)


def _allowed(text: str) -> list[str]:
    """What may stand in the value's place, in words, each once."""
    reasons = re.split(r"\n\s*Given value type: ", text)[0]
    _, _, tried = reasons.rpartition("Errors:\n")
    words = [word for expected in _EXPECTED.findall(tried) for word in _words(expected)]
    words += [_CLASS] if _SUBCLASS in tried else []
    listed = list(dict.fromkeys(words))
    return [word for word in listed if not (word == "a whole number" and "a number" in listed)]


def _words(expected: str) -> Iterable[str]:
    """What a type means to a person."""
    if expected.startswith("typing.Literal["):
        return [str(value) for value in ast.literal_eval(f"({expected[len('typing.Literal[') : -1]},)")]
    if expected == "dot import path string":
        return [_CLASS]
    name = re.sub(r"<class '([^']*)'>", r"\1", expected).rpartition(".")[2]
    return _WORDS.get(name, [f"a {name}" if name != expected else expected])


def _one_of(words: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
