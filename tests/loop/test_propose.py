"""One round of questions: ask, verify, gather, admit."""

from dataclasses import replace
from itertools import cycle

import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.loop import propose
from lightning_ouro.loop.files import RoundFiles
from lightning_ouro.loop.pool import Pool
from lightning_ouro.loop.propose import propose_round
from lightning_ouro.loop.rounds import RankShard
from lightning_ouro.programs.margins import STRICT, VSI_BENCH, FamilyMargins
from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.programs.verification import Verified
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.proposer.protocol import Deriver, GradualProposer, Proposer
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget


def round_of(solver, library, request, shard, pool=None):
    scenes, pool = list(library.values()), Pool() if pool is None else pool
    return propose_round(GrammarProposer(), solver, library, scenes, pool, request, shard)


def test_every_proposal_is_accepted_or_rejected_with_a_reason(solver, library, request_, alone):
    result = round_of(solver, library, request_, alone)
    assert result.accepted and result.rejected and not result.skipped
    assert len(result.accepted) + len(result.rejected) == 12 * len(library)
    assert all(rejection.detail for rejection in result.rejected)


def test_a_later_round_does_not_ask_again(solver, library, request_, alone):
    pool = Pool()
    first = round_of(solver, library, replace(request_, blind="none"), alone, pool)
    second = round_of(solver, library, replace(request_, blind="none", round_index=1), alone, pool)
    assert not {q.id for q in first.accepted} & {q.id for q in second.accepted}
    assert len(pool) == len(first.accepted) + len(second.accepted)


def test_two_ranks_admit_what_one_rank_admits(solver, library, request_, monkeypatch):
    """Each rank's outcomes are kept, then both are gathered by hand in the order of ranks."""
    request = replace(request_, blind="none")
    expected = round_of(solver, library, request, RankShard())
    outcomes = []
    ask = propose.ask
    monkeypatch.setattr(propose, "ask", lambda *args: outcomes.append(ask(*args)) or outcomes[-1])
    for rank in (0, 1):
        round_of(solver, library, request, RankShard(rank, 2))
    gathered = [item for part in outcomes for item in part]
    monkeypatch.setattr(propose, "ask", lambda *args: outcomes[0])
    monkeypatch.setattr(propose, "all_gather_list", lambda items: gathered if items is outcomes[0] else items)
    merged = round_of(solver, library, request, RankShard(0, 2))
    assert [question.id for question in merged.accepted] == [question.id for question in expected.accepted]


def test_a_scene_whose_video_cannot_be_opened_is_skipped_with_the_reason(solver, request_, alone):
    class Broken:
        def load(self, scene, budget):
            raise InputError(f"scene {scene.id}: frames/0003.jpg is cut off")

    good, bad = procedural_scenes(40, 2)
    scenes = [good, replace(bad, footage=Broken())]
    result = round_of(solver, SceneLibrary(scenes, FrameBudget(4, 64, 96)), request_, alone)
    assert [(scene.id, scene.reason) for scene in result.skipped] == [(bad.id, "frames/0003.jpg is cut off")]
    assert {question.scene_id for question in result.accepted} == {good.id}


def test_a_share_is_every_nth_item():
    items = list(range(7))
    shares = [RankShard(rank, 3).of(items) for rank in range(3)]
    assert sorted(item for share in shares for item in share) == items
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert list(RankShard().track(items, "title")) == items


def test_proposals_about_other_scenes_are_refused(solver, library, request_, alone):
    class Stray(Proposer):
        name = "stray"

        def attach(self, solver):
            pass

        def base(self, solver):
            return solver

        def propose(self, briefs, title="", show_progress=False):
            proposals = GrammarProposer().propose(briefs)
            return [replace(proposals[0], scene_id="elsewhere")]

    with pytest.raises(InputError, match="stray wrote about scene 'elsewhere' and was not asked"):
        scenes = list(library.values())
        propose_round(Stray(), solver, library, scenes, Pool(), request_, alone)


def test_proposals_are_written_and_verified_with_the_rounds_margins(solver, library, request_, alone):
    lax, strict = (
        round_of(solver, library, replace(request_, blind="none", margins=FamilyMargins(margins)), alone)
        for margins in (VSI_BENCH, STRICT)
    )
    counts = [
        [int(question.answer) for question in result.accepted if question.family == "object_counting"]
        for result in (lax, strict)
    ]
    assert min(counts[0]) == 2 and min(counts[1]) == 0
    assert {question.id for question in lax.accepted} != {question.id for question in strict.accepted}


def test_lone_surrogates_of_a_model_are_replaced_where_they_enter(solver, library, request_, alone):
    class Torn(Proposer):
        name = "torn"

        def attach(self, solver):
            pass

        def base(self, solver):
            return solver

        def propose(self, briefs, title="", show_progress=False):
            proposals = GrammarProposer().propose(briefs)
            torn = replace(proposals[0], text="who\ud83d?", program=f"# \udc80\n{proposals[0].program}")
            commented = replace(proposals[1], program=f"# \ud83d\n{proposals[1].program}")
            unusable = Rejection(replace(proposals[2], family="", text="\udc80"), "unusable", "no \ud83d")
            return [torn, commented, unusable, *proposals[3:]]

    request, pool = replace(request_, blind="none"), Pool()
    result = propose_round(Torn(), solver, library, list(library.values()), pool, request, alone)
    unusable, torn = sorted(
        (item for item in result.rejected if "\ufffd" in item.proposal.text),
        key=lambda item: len(item.proposal.text),
    )
    assert unusable.proposal.text == "\ufffd" and unusable.detail == "no \ufffd"
    assert torn.proposal.text == "who\ufffd?" and torn.proposal.program.startswith("# \ufffd\n")
    assert any(question.program.startswith("# \ufffd\n") for question in result.accepted)


OPEN_TEXT = "How high above the floor is the middle of the {name}, in meters?"
OPEN_PROGRAM = "def answer(scene):\n    return metres(scene.unique({name!r}).center[2])\n"


class AsksOpenly(Proposer, Deriver):
    """Asks one open question per scene, and derives it again rightly, wrongly, or not at all, in turn."""

    name = "openly"

    def attach(self, solver):
        pass

    def base(self, solver):
        return solver

    def propose(self, briefs, title="", show_progress=False):
        return [self._written(brief) for brief in briefs]

    def derive(self, questions, title="", show_progress=False):
        programs = [item.proposal.program for item in questions]
        seconds = cycle(
            (lambda own: [own], lambda own: ["def answer(scene):\n    return metres(1.0)\n"], lambda own: [])
        )
        return [second(own) for second, own in zip(seconds, programs, strict=False)]

    def _written(self, brief):
        geometry = scene_geometry(brief.scene, brief.views)
        name = next(
            name for name in geometry.unique_categories() if geometry.indices(name)[0] in geometry.seen
        )
        text, program = OPEN_TEXT.format(name=name), OPEN_PROGRAM.format(name=name)
        return Proposal(brief.scene.id, "open", text, program, self.name, brief.round, 0)


def test_open_questions_are_kept_if_the_proposer_derives_their_answer_again(library, request_, alone):
    briefs, _ = propose.write_briefs(list(library.values()), library, Pool(), request_, "", alone)
    outcomes = propose.ask(AsksOpenly(), briefs, "", alone)
    assert len(outcomes) >= 3
    for index, item in enumerate(outcomes):
        assert isinstance(item, Verified) == (index % 3 == 0)
        if index % 3:
            assert item.reason == "unconfirmed"


def test_open_questions_of_a_proposer_that_cannot_derive_are_not_kept(library, request_, alone):
    asker = AsksOpenly()

    class Silent(Proposer):
        name, attach, base = "silent", asker.attach, asker.base

        def propose(self, briefs, title="", show_progress=False):
            return asker.propose(briefs)

    briefs, _ = propose.write_briefs(list(library.values()), library, Pool(), request_, "", alone)
    assert {item.reason for item in propose.ask(Silent(), briefs, "", alone)} == {"unconfirmed"}


class Unrepeatable(Proposer):
    """Writes what it was never asked before, and is killed once it has written about so many scenes."""

    name = "unrepeatable"

    def __init__(self, killed_after=None):
        self.asked, self.killed_after = [], killed_after

    def attach(self, solver):
        pass

    def base(self, solver):
        return None

    def propose(self, briefs, title="", show_progress=False):
        if self.killed_after is not None and len(self.asked) + len(briefs) > self.killed_after:
            raise KeyboardInterrupt
        self.asked += [brief.scene.id for brief in briefs]
        return [
            replace(item, proposer=f"{self.name} {id(self)}") for item in GrammarProposer().propose(briefs)
        ]


class Gradual(GradualProposer, Unrepeatable):
    """Answers scene by scene, the last slot first, until it is interrupted within one."""

    name = "gradual"

    def propose_gradually(self, briefs, title="", show_progress=False):
        for brief in briefs:
            self.asked.append(brief.scene.id)
            answers = GrammarProposer().propose([brief])[::-1]
            while len(answers) < brief.slots:
                raw = replace(answers[-1], text="?", slot=len(answers))
                answers.append(Rejection(raw, "unusable", "nothing"))
            if len(self.asked) - 1 == self.killed_after:
                yield from answers[:3]
                raise KeyboardInterrupt
            yield from answers


def test_of_a_proposer_that_answers_gradually_every_whole_scene_is_kept(
    solver, library, request_, alone, tmp_path
):
    request, scenes = replace(request_, blind="none"), list(library.values())
    results = []
    for killed_after in (2, 1, None):
        proposer, pool = Gradual(killed_after), Pool(RoundFiles(tmp_path))
        try:
            result = propose_round(proposer, solver, library, scenes, pool, request, alone)
        except KeyboardInterrupt:
            result = None
        results.append((proposer.asked, result))
    assert [len(asked) for asked, _ in results] == [3, 2, len(scenes) - 3]
    assert results[2][0][0] == results[1][0][-1] == scenes[3].id, (
        "a scene in which it was interrupted is asked again"
    )
    uninterrupted = propose_round(Gradual(), solver, library, scenes, Pool(), request, alone)
    assert [q.id for q in results[2][1].accepted] == [q.id for q in uninterrupted.accepted]


def test_a_killed_round_goes_on_with_the_scenes_that_were_not_asked_about(
    solver, library, request_, alone, tmp_path, monkeypatch
):
    monkeypatch.setattr(propose, "SCENES_AT_ONCE", 2)
    request, scenes = replace(request_, blind="none"), list(library.values())

    def session(proposer):
        pool = Pool(RoundFiles(tmp_path))
        result = propose_round(proposer, solver, library, scenes, pool, request, alone)
        pool.write_round(0, result.accepted, result.rejected, result.identity)
        return pool, result

    killed, going_on, later = Unrepeatable(killed_after=4), Unrepeatable(), Unrepeatable()
    with pytest.raises(KeyboardInterrupt):
        session(killed)
    pool, result = session(going_on)
    assert killed.asked + going_on.asked == [scene.id for scene in scenes]
    read, again = session(later)
    assert later.asked == [] and again.is_read_back and not result.is_read_back
    assert read.questions == pool.questions and again.rejected == result.rejected
    assert read.state_dict() == pool.state_dict()
    assert not list(tmp_path.glob("*/proposals*"))
    uninterrupted = propose_round(GrammarProposer(), solver, library, scenes, Pool(), request, alone)
    assert [question.id for question in pool.questions] == [q.id for q in uninterrupted.accepted]
