"""What long work says of itself, on a terminal and in a log."""

import io
import itertools

import pytest
import rich.console

from lightning_ouro import progress


@pytest.fixture
def minutes(monkeypatch):
    """A clock that is ten seconds later whenever it is looked at."""
    monkeypatch.setattr(progress.time, "monotonic", itertools.count(0, 10).__next__)


def test_a_log_gets_a_line_every_half_minute_and_no_blank_ones(minutes, capsys):
    assert list(progress.track(range(7), "round 0: verifying")) == list(range(7))
    assert capsys.readouterr().out.splitlines() == [
        "round 0: verifying: 3 of 7 after 30 s",
        "round 0: verifying: 6 of 7 after 60 s",
    ]


def test_items_of_unknown_number_are_counted(minutes, capsys):
    assert len(list(progress.track(iter("abc"), "reading [a]"))) == 3
    assert capsys.readouterr().out == "reading [a]: 3 after 30 s\n"


def test_short_work_and_work_that_is_not_shown_say_nothing(minutes, capsys):
    assert list(progress.track("ab", "short")) == ["a", "b"]
    assert list(progress.track("abcdefgh", "hidden", show=False)) == list("abcdefgh")
    assert capsys.readouterr().out == ""


def test_a_terminal_shows_a_bar_whose_title_is_no_markup(monkeypatch):
    screen = rich.console.Console(file=io.StringIO(), force_terminal=True, width=120)
    monkeypatch.setattr(progress, "Console", lambda: screen)
    monkeypatch.setattr(rich, "_console", screen)
    assert list(progress.track([1, 2], "scene [bold]")) == [1, 2]
    assert "scene [bold]" in screen.file.getvalue()


def test_work_that_is_given_up_ends_what_it_was_taken_from():
    closed = []

    def items():
        try:
            yield from range(9)
        finally:
            closed.append(True)

    for show in (True, False):
        taken = progress.track(items(), "any", show=show)
        assert next(taken) == 0
        taken.close()
    assert closed == [True, True]
