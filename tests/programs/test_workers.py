import time

import pytest
from pydantic_monty import MontyCrashedError, MontyRuntimeError

from lightning_ouro.errors import InputError
from lightning_ouro.programs.workers import ATTEMPTS, Workers

from .processes import children, kill_children


@pytest.fixture
def workers():
    before = children()
    workers = Workers(processes=2, reply_seconds=5)
    workers.before = before
    yield workers
    workers.close()


class SetUp:
    """Sets `x` to 3, while the workers are killed, before or after that, the first few times."""

    def __init__(self, workers, kills, when="before"):
        self.spared, self.kills, self.when = workers.before, kills, when
        self.calls = 0

    def __call__(self, session):
        self.calls += 1
        is_killed = self.calls <= self.kills
        if is_killed and self.when == "before":
            kill_children(self.spared)
        session.feed_run("x = 3")
        if is_killed and self.when == "after":
            kill_children(self.spared)


def test_idle_workers_that_were_killed_are_replaced(workers):
    kill_children(workers.before)
    with workers.session(lambda session: session.feed_run("x = 3"), 5) as session:
        assert session.feed_run("x") == 3
    assert len(children() - workers.before) <= 2


@pytest.mark.parametrize("kills", [1, 2])  # each kills the idle worker too, which costs an attempt as well
def test_a_set_up_whose_worker_is_killed_is_repeated_on_another(workers, kills):
    set_up = SetUp(workers, kills)
    with workers.session(set_up, 5) as session:
        assert session.feed_run("x") == 3
    assert set_up.calls > kills


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_dump_whose_worker_is_killed_is_repeated_on_another(workers, when):
    state = workers.dump(SetUp(workers, 2, when))
    with workers.session(lambda session: session.load_session(state), 5) as session:
        assert session.feed_run("x") == 3


def test_a_set_up_that_no_worker_survives_is_one_input_error(workers):
    set_up = SetUp(workers, kills=2 * ATTEMPTS)
    with (
        pytest.raises(InputError, match=r"cannot start an interpreter: .*SIGKILL.*; check that memory"),
        workers.session(set_up, 5),
    ):
        pass
    assert set_up.calls <= ATTEMPTS
    set_up.kills = 0
    with workers.session(set_up, 5) as session:
        assert session.feed_run("x") == 3


def test_a_set_up_that_always_fails_is_an_input_error_with_its_message(workers):
    with pytest.raises(InputError, match="division by zero"):
        workers.dump(lambda session: session.feed_run("1 / 0"))


def test_a_worker_killed_after_its_set_up_is_the_callers_concern(workers):
    with pytest.raises(MontyCrashedError), workers.session(lambda session: None, 5) as session:
        kill_children(workers.before)
        session.feed_run("1")
    with workers.session(lambda session: None, 5) as session:
        assert session.feed_run("1") == 1


@pytest.mark.parametrize("binary", ["/no/such/file", "/bin/false"])
def test_workers_that_cannot_be_started_are_an_input_error(monkeypatch, binary):
    monkeypatch.setenv("MONTY_BIN", binary)
    with pytest.raises(InputError, match="cannot start an interpreter"):
        Workers(processes=2, reply_seconds=5).dump(lambda session: session.feed_run("1"))


def test_closed_workers_have_ended(workers):
    with workers.session(lambda session: session.feed_run("1"), 5):
        assert children() - workers.before
    workers.close()
    assert children() <= workers.before


@pytest.mark.parametrize("code", ["while True: pass", "9 ** 9 ** 7 % 3"], ids=["stopped", "killed"])
@pytest.mark.parametrize("restored", [False, True])
def test_a_time_limit_is_that_of_the_session(workers, code, restored):
    state = workers.dump(lambda session: session.feed_run("x = 3"))
    started = time.monotonic()
    with (
        pytest.raises((MontyRuntimeError, MontyCrashedError), match=r"limit exceeded|request timeout"),
        workers.session(lambda session: session.load_session(state) if restored else None, 0.3) as session,
    ):
        session.feed_run(code)
    assert 0.3 <= time.monotonic() - started < 0.6
    with workers.session(lambda session: session.load_session(state), 0.3) as session:
        assert session.feed_run("x") == 3


def test_a_worker_that_allocates_too_much_is_ended(workers, monkeypatch):
    monkeypatch.setattr("lightning_ouro.programs.workers.MOST_MEMORY", 100 << 20)
    with (
        workers.session(lambda session: None, 5) as session,
        pytest.raises(MontyRuntimeError, match="memory"),
    ):
        session.feed_run("len('a' * (200 << 20))")
    with workers.session(lambda session: None, 5) as session:
        assert session.feed_run("len('a' * (9 << 20))") == 9 << 20
