"""What came of a program: typed answers, or why it failed. Trusts nothing that an interpreter returns."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic_monty import MontyCrashedError, MontyRuntimeError, MontySyntaxError

from lightning_ouro.programs.answers import TypedAnswer, typed_answer
from lightning_ouro.programs.questions import Failing, Failure

# What a program is called in tracebacks: feed 0 is the prelude, 1 the scene, and 2 the ways if it asks for them.
PROGRAM_FILES = ("<python-input-2>", "<python-input-3>")
_LONGEST_MESSAGE = 1000  # characters that are looked at; a program may raise megabytes
_UNSUPPORTED = "The monty syntax parser does not yet support"


@dataclass(frozen=True)
class Outcome:
    """What came of one program.

    Attributes:
        answers: One for each draw; the first is in range, a later one that is not is None. Empty after a
            failure.
        failure: None if the program answered.
    """

    answers: tuple[TypedAnswer | None, ...] = ()
    failure: Failure | None = None


def read_answers(returned: object, draws: int) -> Outcome:
    """The outcome of a program that ran to its end on this many draws, and on the first of them twice."""
    if not isinstance(returned, list) or len(returned) != draws + 1:
        return _failed("untyped", "the program changed the sandbox's own functions")
    answers: list[TypedAnswer | None] = []
    before: object = None
    for row in returned:
        if (
            isinstance(row, tuple) and row == before and isinstance(row[1], str)
        ):  # as most choices under noise
            answers.append(answers[-1])
            continue
        if isinstance(row, str):
            return _failed("untyped", f"answer() returned {row[:60]}, not an answer such as metres(x)")
        is_row = isinstance(row, tuple) and len(row) == 3
        answer = typed_answer(*row) if is_row else "no answer of the API"
        if isinstance(answer, str) and row is not None:
            return _failed("untyped", answer)
        answers.append(None if isinstance(answer, str) else answer)
        before = row
    first, again = answers[0], answers.pop()
    if first is None:
        return _failed("untyped", "the program changed the sandbox's own functions")
    problem = first.out_of_range()
    if problem is not None:
        return _failed("range", problem)
    if again != first:
        return _failed("unrepeatable", "a second call with the same scene gave another answer")
    return Outcome(tuple(answer if answer is first or _is_in_range(answer) else None for answer in answers))


def _is_in_range(answer: TypedAnswer | None) -> bool:
    return answer is not None and answer.out_of_range() is None


def read_error(error: Exception, program: str) -> Outcome:
    """The outcome of a program that ended with an error."""
    message = str(error)[:_LONGEST_MESSAGE]
    match error:
        case MontySyntaxError():
            return _failed("syntax", _located(error, message, program))
        case MontyRuntimeError():
            return _failed(_reason(error), _located(error, message, program))
        case MontyCrashedError():
            return _failed("limit", f"the interpreter died: {message}")
    return _failed("untyped", message)  # such as a value that cannot be passed to the host


def _failed(reason: Failing, detail: str) -> Outcome:
    return Outcome(failure=Failure(reason, detail))


def _reason(error: MontyRuntimeError) -> Failing:
    inner = error.exception()
    if isinstance(inner, NotImplementedError) and str(inner).startswith(_UNSUPPORTED):
        return "syntax"
    if isinstance(inner, RuntimeError) and str(inner).startswith("suspension limit"):
        return "limit"  # too many names that do not exist
    return "limit" if isinstance(inner, (TimeoutError, MemoryError, RecursionError)) else "runtime"


def _located(error: MontySyntaxError | MontyRuntimeError, message: str, program: str) -> str:
    """The message after the last line of the program that was on the stack."""
    length = program.count("\n") + 1
    lines = [
        frame.line for frame in error.traceback() if frame.filename in PROGRAM_FILES and frame.line <= length
    ]
    return f"line {lines[-1]}: {message}" if lines else message
