"""The table of things is what WordNet says, is made the same way each time, and costs little to have."""

import subprocess
import sys
from itertools import permutations

import pytest
import yaml

from lightning_ouro.scenes.alike import told_by
from lightning_ouro.scenes.lexicon import build, things
from lightning_ouro.scenes.naming import may_be_called
from tests.scenes.test_vocabulary import ARKITSCENES, SCANNET, SCANNETPP

# As https://en-word.net says it: a synset's words, and one of what it is a kind of.
SYNSETS = {
    "pram": ["stroller", "pushchair", "baby carriage"],
    "aquarium": ["fish tank"],
    "telly": ["tv", "television"],
}
CHAINS = ["pew bench", "sneaker shoe", "settle bench", "statue sculpture", "clock timepiece", "fern plant"]
CHAINS += ["dachshund dog", "ashcan bin", "credenza buffet", "deckchair chair", "portrait picture"]


@pytest.mark.parametrize("word", SYNSETS)
def test_words_of_a_synset_are_the_same_thing(word):
    assert all(things.are_same(word, other) and things.are_same(other, word) for other in SYNSETS[word])


@pytest.mark.parametrize("chain", CHAINS)
def test_a_kind_can_be_called_by_the_wider_word(chain):
    assert may_be_called(*chain.split())


def test_only_a_usual_sense_counts():
    assert things.are_same("lift", "elevator")  # the fourth thing that the first stands for
    assert not things.is_thing_of_kind("bench", "table")  # but a work bench, its second, is one
    assert not things.is_thing_of_kind("broom", "plant")  # as a plant of its name is, its third
    assert not things.are_same("bag", "suitcase", whole=False)  # a paper bag


def test_words_too_wide_name_no_kind():
    for wide in ("device", "covering", "instrumentality", "structure", "implement", "instrument"):
        assert not things.is_thing_of_kind("shelf", wide) and not things.is_thing_of_kind("oven", wide)
    assert things.is_thing_of_kind("box", "container")  # which one could still count


def test_hyphens_blanks_and_case_are_one_word():
    assert things.senses("fish tank") == things.senses("Fish-Tank") == things.senses("fishtank") != ()


def test_unknown_words_and_odd_ones_are_nothing():
    for name in ("", " ", "zyzzyx", "椅子", "\x00", "x" * 10_000, "\t", "0"):
        assert not things.is_word(name) and not things.are_same(name, name)
        assert things.told_by(name) == told_by(name) == frozenset()


def labels():
    """What VSI-Bench's own files call things, source by source."""
    for names in (SCANNET, SCANNETPP, ARKITSCENES):
        yield sorted({name.strip().lower() for name in names.split(",")})


def test_what_a_benchmarks_annotators_keep_apart_stays_so():
    unclear = {(a, b) for names in labels() for a, b in permutations(names, 2) if may_be_called(a, b)}
    # All of these by the vocabulary's synonyms and by what names end with; the lexicon adds none.
    both = {("ceiling lamp", "ceiling light"), ("computer mouse", "mouse"), ("office chair", "chair")}
    assert unclear == both | {(b, a) for a, b in both} | {("backpack", "bag"), ("paper towel", "towel")}


def test_every_line_points_at_lines_and_no_thing_is_a_kind_of_itself():
    table = things._table()
    for line, above in enumerate(table.things):
        assert all(0 <= int(other) < len(table.things) for other in above.split())
        assert line not in things._kinds([line])
    assert all(things.senses(word) for word in table.words)


def test_the_table_is_small_and_is_read_only_once_needed():
    assert things.TABLE.stat().st_size < 500_000
    code = "import lightning_ouro.scenes.naming as n, lightning_ouro.scenes.lexicon.things as t;"
    code += "before = t._table.cache_info().currsize; n.may_be_called('pew', 'bench');"
    code += "print(before, t._table.cache_info().currsize)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["0", "1"]


NOUNS = {  # synset: words, definition, what it is a kind of
    "1-n": (["device"], "something useful", []),
    "2-n": (["lamp"], "a source of light", ["1-n"]),
    "3-n": (["desk lamp", "reading lamp"], "a lamp for a table", ["2-n"]),
    "4-n": (["lampshade"], "a cover for the lamps of a table", ["1-n"]),
    "5-n": (["table"], "a flat top", ["8-n"]),
    "6-n": (["agent"], "what acts", []),
    "7-n": (["aspirin"], "against aches", ["6-n"]),
    "8-n": (["furnishing"], "what rooms hold", ["1-n"]),
    "9-n": (["gin"], "one of several lamps", ["3-n"]),
}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A WordNet of nine artifacts, some snow, and few kinds that are too many."""
    folder = tmp_path / "src" / "yaml"
    folder.mkdir(parents=True)
    synsets = {
        name: {"members": words, "definition": [said], "hypernym": above}
        for name, (words, said, above) in NOUNS.items()
    }
    snow = {"10-n": {"members": ["snow", "gin"], "definition": ["what falls"], "hypernym": []}}
    entries = {word: ["10-n"] for word in ("snow",)}
    entries |= {word: [name] for name, (words, *_) in NOUNS.items() for word in words}
    entries["gin"] += ["10-n"]
    written = {
        word: {"n": {"sense": [{"synset": name} for name in names]}} for word, names in entries.items()
    }
    (folder / "noun.artifact.yaml").write_text(yaml.safe_dump(synsets))
    (folder / "noun.substance.yaml").write_text(yaml.safe_dump(snow))
    (folder / "entries-a.yaml").write_text(yaml.safe_dump(written))
    monkeypatch.setattr(build, "MOST_KINDS", 3)  # device has six
    monkeypatch.setattr(build, "LEAST_COMPOUNDS", 1)
    return tmp_path


def test_the_table_is_built_from_a_checkout(checkout):
    build.main(checkout, checkout / "things.txt")
    head, kinds, words, masses, fronts = (checkout / "things.txt").read_text().split("\n# ")[:1] + [
        part.split("\n", 1)[1] for part in (checkout / "things.txt").read_text().split("\n# ")[2:]
    ]
    assert "Open English WordNet" in head
    # Lines: agent? it is kept for its word; lamp, lampshade, table, furnishing; gin hangs on the lamp.
    by_key = {line.split("\t")[0]: line.split("\t")[1:] for line in words.splitlines()}
    above = kinds.splitlines()
    assert set(by_key) == {"agent", "furnishing", "gin", "lamp", "lampshade", "table"}
    assert above[int(by_key["table"][0])] == by_key["furnishing"][0]
    assert above[int(by_key["gin"][0])] == by_key["lamp"][0] and above[int(by_key["lamp"][0])] == ""
    assert by_key["lampshade"][1] == "table"  # no lamp is a furnishing here
    assert masses.split() == ["snow"] and fronts.split() == []


def test_the_same_checkout_gives_the_same_table(checkout):
    for name in ("one.txt", "two.txt"):
        build.main(checkout, checkout / name)
    assert (checkout / "one.txt").read_bytes() == (checkout / "two.txt").read_bytes()
