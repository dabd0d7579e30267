"""Nothing that a model writes raises in this process, or keeps it busy, or comes out of it as it went in."""

import ast
import json
import math
import time
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.outcomes import Outcome, read_answers
from lightning_ouro.programs.questions import REASONS, Failure
from lightning_ouro.programs.sandbox import LoadedScene, Sandbox
from lightning_ouro.programs.scene_geometry import jittered, scene_geometry
from lightning_ouro.programs.source import MAX_SOURCE, Source, identity, read
from lightning_ouro.programs.type_check import _with_types

from .program_texts import texts

BROKEN_ONCE = json.loads((Path(__file__).parent / "broken_once.json").read_text("utf8"))
LONGEST = 1.0  # seconds of reading on a busy machine; 0.2 for the worst of 20,000 characters


def is_plain_line(text):
    return text.isprintable() and 0 < len(text) <= 300


def check_reading(text):
    started = time.process_time()
    parsed = read(text)
    assert time.process_time() - started < LONGEST
    if isinstance(parsed, Failure):
        assert parsed.reason in ("syntax", "forbidden", "limit")
        assert is_plain_line(parsed.detail)
        return
    assert isinstance(parsed, Source)
    assert "\r" not in parsed.text
    assert len(identity("scene", "family", parsed)) == 16
    lines = _with_types(parsed)
    assert len(lines) == parsed.text.count("\n") + 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = ast.parse(text)
        inside = ast.parse(
            "\n".join(["def _check():", *(f" {line}" for line in lines), "", " last = answer"])
        )
    assert len(inside.body) == 1
    assert len(inside.body[0].body) == len(plain.body) + 1
    typed = [node for node in plain.body if isinstance(node, ast.FunctionDef) and node.name == "answer"]
    for node in typed:
        arguments = [*node.args.posonlyargs, *node.args.args]
        first = next(n for n in inside.body[0].body if isinstance(n, ast.FunctionDef) and n.name == "answer")
        assert not arguments or [*first.args.posonlyargs, *first.args.args][0].annotation is not None


@pytest.mark.parametrize("text", BROKEN_ONCE.values(), ids=BROKEN_ONCE)
def test_texts_that_once_broke_something_are_read(text):
    check_reading(text)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts)
def test_any_text_is_read(text):
    check_reading(text)


PIECES = [
    "1.",
    "1.1 ",
    "9",
    "0_",
    "a'",
    "'",
    '"',
    "'\"",
    "'''\n",
    "\" a'",
    "\\",
    "#",
    "a.",
    "(",
    "{",
    "lambda:",
    "\f",
    "\r",
    "if x:",
]
PIECES += [
    "x=1;",
    "f'{",
    "0x",
    "[x for x in ",
    "not ",
    "@a\n",
    "1if 1else ",
    "\u2028",
    "é",
    "\ud800",
    "a,",
    "-",
    "(a:=",
    "{**",
]


@pytest.mark.parametrize("piece", PIECES)
def test_reading_takes_time_in_proportion_to_the_length(piece):
    def seconds(length):
        started = time.process_time()
        read((piece * length)[:length])
        return time.process_time() - started

    short, long = (min(seconds(length - n) for n in range(3)) for length in (MAX_SOURCE // 4, MAX_SOURCE))
    assert long < max(0.1, 8 * short)  # four times the text; the square would be sixteen


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(max_size=3)
anything = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner, inner), max_leaves=9
)
kinds = st.sampled_from(["count", "centimetres", "metres", "square_metres", "choice"]) | anything
numbers = (
    st.sampled_from([0, -1, 10**9, -(10**9), math.nan, math.inf, 5e-324, 1e308, True, "a", 10**5000])
    | anything
)
rows = st.tuples(kinds, numbers, st.none() | st.text(max_size=20) | st.just("a\nb") | anything)


@settings(max_examples=800, deadline=None)
@given(st.lists(rows | anything | st.none(), max_size=5) | anything, st.integers(1, 4))
@example([("count", 10**5000, None)] * 2, 1)
@example([("choice", "a", "\ud800\n\u2028")] * 3, 2)
def test_any_value_is_an_outcome(returned, draws):
    check_outcome(read_answers(returned, draws), draws)


def check_outcome(outcome, draws):
    assert isinstance(outcome, Outcome)
    if outcome.failure is not None:
        assert outcome.failure.reason in REASONS
        assert is_plain_line(outcome.failure.detail)
        assert outcome.answers == ()
        return
    assert len(outcome.answers) == draws
    assert isinstance(outcome.answers[0], TypedAnswer)
    for answer in outcome.answers:
        assert answer is None or answer.out_of_range() is None


@pytest.fixture(scope="module")
def box():
    with Sandbox(seconds=0.5) as box:
        yield box


@pytest.fixture(scope="module")
def draws(make_scene):
    boxes = [("chair", (2 * i, 0, 0), (0.5, 0.6, 0.9)) for i in range(3)]
    scene = make_scene([*boxes, ("sofa", (0, 3, 0), (2, 1, 1))])
    return [scene_geometry(scene), *jittered(scene, draws=2)]


HONEST = "def answer(scene):\n    return count(scene.count('chair'))\n"


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(texts, min_size=1, max_size=6))
def test_any_texts_run_without_harm_to_an_honest_program(box, draws, texts):
    loaded = LoadedScene(draws)
    *outcomes, last = box.run_all([read(text) for text in (*texts, HONEST)], loaded)
    for outcome in outcomes:
        check_outcome(outcome, 3)
    assert last.answers == (TypedAnswer("count", 3),) * 3
