"""Workers that die at any moment: between programs, while a program runs, and during each step of a set-up."""

import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.programs import sandbox, source
from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.sandbox import LoadedScene, Sandbox
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.programs.workers import ATTEMPTS

from .processes import children, kill_children

HONEST = "def answer(scene):\n    return count(scene.count('chair'))\n"
NOT_CLOSED = "whatever = str(1)\n"  # makes a program one that shares its interpreter with no other
LONE = HONEST + NOT_CLOSED
WALKING = "def answer(scene):\n    return count(len(scene.path(scene.objects[0], scene.objects[1])))\n"
FATAL = "fatal = 1\n" + HONEST
THREE = (TypedAnswer("count", 3),)


@pytest.fixture(scope="module")
def scene(make_scene):
    return make_scene([("chair", (2 * i, 0, 0), (0.5, 0.6, 0.9)) for i in range(3)])


@pytest.fixture
def loaded(scene):
    return LoadedScene([scene_geometry(scene)])


@pytest.fixture
def spared():
    """The processes that are not this test's workers."""
    return children()


@pytest.fixture
def box(spared):
    with Sandbox() as box:
        yield box


class KilledDuringSetUp:
    """The workers of a sandbox, all of which are killed during the first few set-ups."""

    def __init__(self, box, spared, kills):
        self._workers, self._spared = box._workers, spared
        self.kills = kills
        box._workers = box._types._workers = self

    def session(self, set_up, seconds, **options):
        def killed_first(session):
            self._kill()
            return set_up(session)

        return self._workers.session(killed_first, seconds, **options)

    def dump(self, set_up, **options):
        def killed_last(session):
            set_up(session)
            self._kill()

        return self._workers.dump(killed_last, **options)

    def _kill(self):
        if self.kills > 0:
            self.kills -= 1
            kill_children(self._spared)

    def close(self):
        self._workers.close()


def test_a_killed_worker_costs_only_the_program_that_ran_on_it(box, loaded, spared, monkeypatch):
    feed = sandbox._feed

    def kill_and_feed(session, text):
        if "fatal" in text:
            kill_children(spared)
        return feed(session, text)

    monkeypatch.setattr(sandbox, "_feed", kill_and_feed)
    programs = [source.read(text) for text in (HONEST, FATAL, FATAL + NOT_CLOSED, LONE, WALKING)]
    first, *failed, last, walking = box.run_all(programs, loaded)
    assert first.answers == last.answers == THREE
    assert walking.answers == (TypedAnswer("count", 2),)
    for outcome in failed:
        assert outcome.failure.reason == "limit"
        assert "the interpreter died" in outcome.failure.detail


def test_workers_killed_between_two_programs_are_replaced(box, loaded, spared):
    for text in (HONEST, LONE, HONEST, LONE):
        kill_children(spared)
        assert box.run(text, loaded).answers == THREE
    assert len(children() - spared) <= 2


SHARED_AND_ALONE = pytest.mark.parametrize("text", [HONEST, LONE], ids=["shared", "alone"])
# Each of them kills the idle worker too, which costs an attempt as well.
KILLS = pytest.mark.parametrize("kills", [1, 2])


@SHARED_AND_ALONE
@KILLS
def test_workers_killed_before_a_type_check_cost_nothing(box, loaded, spared, text, kills):
    killing = KilledDuringSetUp(box, spared, kills)
    assert box.run(text, loaded).answers == THREE
    assert killing.kills == 0


@SHARED_AND_ALONE
@KILLS
def test_workers_killed_while_a_scene_is_loaded_cost_nothing(box, loaded, scene, spared, text, kills):
    assert box.run(text, LoadedScene([scene_geometry(scene)])).answers == THREE  # passes the type check
    killing = KilledDuringSetUp(box, spared, kills)
    assert box.run(text, loaded).answers == THREE
    assert killing.kills == 0


@KILLS
def test_workers_killed_while_a_dump_is_restored_cost_nothing(box, loaded, spared, kills):
    assert box.run(LONE, loaded).answers == THREE
    assert loaded.state is not None
    killing = KilledDuringSetUp(box, spared, kills)
    assert box.run(LONE, loaded).answers == THREE
    assert killing.kills == 0


@SHARED_AND_ALONE
def test_a_scene_that_no_worker_survives_is_an_input_error(box, loaded, scene, spared, text):
    assert box.run(text, LoadedScene([scene_geometry(scene)])).answers == THREE  # passes the type check
    killing = KilledDuringSetUp(box, spared, kills=2 * ATTEMPTS)
    with pytest.raises(InputError, match="the sandbox for programs cannot start an interpreter"):
        box.run(text, loaded)
    killing.kills = 0
    assert box.run(text, loaded).answers == THREE


def test_a_sandbox_that_cannot_load_the_api_is_an_input_error(monkeypatch, spared):
    monkeypatch.setenv("MONTY_BIN", "/bin/false")
    with pytest.raises(InputError, match="the sandbox for programs cannot start an interpreter"):
        Sandbox()
    assert children() <= spared


def test_a_sandbox_has_at_most_two_processes_and_a_closed_one_none(scene, spared):
    with Sandbox() as box:
        failing = "def answer(scene):\n    return count([][1])\n"
        box.run_all(
            [source.read(text) for text in (HONEST, LONE, failing)], LoadedScene([scene_geometry(scene)])
        )
        assert 1 <= len(children() - spared) <= 2
    assert children() <= spared
