"""Reads questions in VSI-Bench's format. Used by `ground_truth.py`.

A file holds JSON lines or one JSON list of {id, dataset, scene_name, question_type, question, options,
ground_truth}, where options is null or ["A. text", …].
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_ouro.errors import InputError

TEXT_FIELDS = ("dataset", "scene_name", "question_type", "question")


@dataclass(frozen=True)
class OfficialQuestion:
    """One question with its official answer: a number, or the text of one of the options, never a letter."""

    id: str
    dataset: str
    scene_name: str
    question_type: str
    question: str
    options: frozenset[str] | None
    answer: str


def read_questions(path: Path) -> list[OfficialQuestion]:
    """Reads the questions of a file.

    Raises:
        InputError: the file cannot be read, holds no questions, or one of them is not in the format.
    """
    questions = [_to_question(row, where) for where, row in _rows(path)]
    if not questions:
        raise InputError(f"{path}: holds no questions; expected JSON lines or one list")
    return questions


def _rows(path: Path) -> Iterator[tuple[str, Any]]:
    """Each record with its position, for error messages."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", "it is not UTF-8 text")
        raise InputError(f"{path}: cannot be read ({reason})") from None
    if text.lstrip().startswith("["):
        documents = {str(path): text}
    else:
        lines = enumerate(text.split("\n"), start=1)
        documents = {f"{path}, line {number}": line for number, line in lines if line.strip()}
    for where, document in documents.items():
        try:
            parsed = json.loads(document)
        except (ValueError, RecursionError) as problem:
            raise InputError(f"{where}: is not JSON ({problem}); expected JSON lines or one list") from None
        if isinstance(parsed, list):
            yield from ((f"{where}, record {index}", row) for index, row in enumerate(parsed))
        else:
            yield where, parsed


def _to_question(row: Any, where: str) -> OfficialQuestion:
    if not isinstance(row, dict):
        expected = ", ".join(TEXT_FIELDS)
        raise InputError(f"{where}: has type {type(row).__name__}, expected an object with {expected}, …")
    for name in (*TEXT_FIELDS, "id", "ground_truth"):
        if not isinstance(row.get(name), str if name in TEXT_FIELDS else str | int | float):
            raise InputError(f"{where}: {name} is {str(row.get(name, 'missing'))[:60]}, expected a text")
    answer, options = str(row["ground_truth"]), None
    if row.get("options") is not None:
        texts = _option_texts(row["options"], where)
        if answer not in texts:
            letters = ", ".join(texts)
            raise InputError(f"{where}: ground_truth is {answer[:60]}, expected one of the letters {letters}")
        answer, options = texts[answer], frozenset(texts.values())
    fields = {name: row[name] for name in TEXT_FIELDS}
    return OfficialQuestion(id=str(row["id"]), options=options, answer=answer, **fields)


def _option_texts(options: Any, where: str) -> dict[str, str]:
    """Letters to texts."""
    rows = options if isinstance(options, list) else [None]
    texts = {letter: text for letter, _, text in (str(option).partition(". ") for option in rows)}
    distinct = len(texts) >= max(2, len(rows))
    if not distinct or not all(len(letter) == 1 and text for letter, text in texts.items()):
        raise InputError(f'{where}: options is {str(options)[:60]}, expected null or ["A. left", "B. …", …]')
    return texts
