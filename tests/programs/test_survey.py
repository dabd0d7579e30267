import pytest

from lightning_ouro.programs.questions import Failure
from lightning_ouro.programs.source import MAX_SOURCE, Source, read
from lightning_ouro.programs.survey import MAX_DEPTH, MAX_SCOPES

HONEST = 'def answer(scene):\n    return count(scene.count("chair"))\n'


def nested(number):
    """This many functions, each inside the one before."""
    headers = "".join(" " * depth + f"def f{depth}():\n" for depth in range(number))
    return headers + " " * number + "pass"


@pytest.mark.parametrize(
    ("reason", "detail", "program"),
    [
        ("syntax", "line 1: ", "def answer(scene)"),
        ("syntax", "line 2: ", 'x = "a"\n  y = 1'),
        ("syntax", "line 3: ", "x = 'a'\n# it's\ny = 'b"),
        ("syntax", "", "\0"),
        ("syntax", "", "x = '\ud800'"),
        ("syntax", "", "x = '\0'"),
        ("syntax", "line 1: ", "x = 'a\rb'"),
        ("syntax", "line 3: ", "x = 1\r\n\rx = 'a"),
        ("syntax", "", "(" * 5000),
        ("syntax", f"line 1: nested more than {MAX_DEPTH} deep", "x = " + "-" * (MAX_DEPTH + 5) + "1"),
        ("syntax", "line 10: functions more than 8 deep", nested(12)),
        ("limit", f"{MAX_SOURCE + 1} characters", "x" * (MAX_SOURCE + 1)),
    ],
    ids=range(12),
)  # fmt: skip
def test_programs_that_cannot_be_read_fail_with_one_line(reason, detail, program):
    failure = read(program)
    assert failure.reason == reason
    assert detail in failure.detail
    assert "\n" not in failure.detail


def test_functions_can_be_nested_up_to_a_limit():
    assert isinstance(read(nested(MAX_SCOPES)), Source)
    assert isinstance(read(nested(MAX_SCOPES + 1)), Failure)


@pytest.mark.parametrize(
    "addition",
    [
        "x = str(answer)",
        "x = f'{answer}'",
        "x = '{}'.format(answer)",
        "x = '%s' % answer",
        "s = repr",
        "sorted = abs",
        "def sum(x): pass",
        "def f():\n    try:\n        f()\n    except RecursionError:\n        pass",
        "class A:\n    def set(self):\n        self.x = 1",
        'x = """\n"""',
        "if True: pass",
        "for x in []: pass",
        "del answer",
        "\f",
    ],
)
def test_programs_that_others_could_notice_or_that_notice_others_are_not_closed(addition):
    assert read(HONEST).is_closed
    assert not read(HONEST + addition).is_closed


@pytest.mark.parametrize(
    ("asks", "statement"),
    [
        (set(), "path = is_straight = 'path'"),
        (set(), "def path(): pass\npath()"),
        ({"path"}, "scene.path(a, b)"),
        ({"path"}, "f = ProgramScene.path"),
        ({"is_straight"}, "f = [scene][0].is_straight"),
        ({"path", "is_straight"}, "match scene:\n    case ProgramScene(path=f, is_straight=g): pass"),
    ],
)
def test_programs_ask_for_ways_where_they_name_an_attribute_for_them(asks, statement):
    assert read(f"{HONEST}{statement}\n").asks == asks
