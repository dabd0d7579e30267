"""Derives `things.txt`, the table of things and their kinds, from Open English WordNet.

    python -m lightning_ouro.scenes.lexicon.build FOLDER

FOLDER is a checkout of github.com/globalwordnet/english-wordnet at the tag `2025-edition`, of which `src/yaml` is
read. The same checkout gives the same table, byte for byte. Nothing is chosen by hand but the limits below; where our
own vocabulary differs is said in `synonyms.py`, not here.

Kept are the synsets (sets of words for one thing) of what people made, and of plants and animals those with a name of
one word. Drugs are left out, and so are synsets so wide that they say nothing, a device being also a shelf. The table
has four parts, each with a line for each entry:

    thing    the lines of the nearest hypernyms (what it is a kind of) that are kept
    word     in the order of WordNet's senses, the lines of what it names; then the words for things that its first
             definition mentions
    mass     words that name stuff or a collection, so that one box need not be one of them
    front    first words of compounds, by which an ending of a word that is in no dictionary is one
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lightning_ouro.scenes.lexicon.things import TABLE, key_of

# Synsets with more kinds than this name nothing that one could count: device has 3008, covering 1050, instrument 691;
# vehicle 540 and container 522 are kept. Living things have more, and are kept. Chosen by hand.
MOST_KINDS = 600
DRUG = "agent"  # the hypernym of all drugs
LIVING = ("animal", "plant")
LEAST_COMPOUNDS = 3  # that begin with a word, so that it is listed as a front; chosen by hand
MAIN = 2  # senses of a word, one of which is a thing if the word is also said of single ones; chosen by hand
MOST_LETTERS = 24  # of a word; no label is a Latin name or a definition. Chosen by hand
# What a room holds is a kind of one of these. Chosen by hand.
ROOTS = """
furnishing; appliance; home appliance; fixture; plumbing fixture; container; electronic equipment; computer;
source of illumination; musical instrument; bedclothes; movable barrier; door; window; fireplace; timepiece; heater;
shower; stairway; clothing; piece of cloth; blind; telephone; sports equipment; toy
"""
HEADER = """\
# Things and their kinds, derived by lightning_ouro/scenes/lexicon/build.py from Open English WordNet, edition 2025
# (github.com/globalwordnet/english-wordnet, dc343f2), and shortened: see LICENSE.txt beside this file.
"""


@dataclass
class Source:
    """WordNet's nouns.

    Attributes:
        synsets: By id, with the lexicographer's file as `file`.
        entries: Ids of synsets by word, in the order of its senses.
    """

    synsets: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Source:
        """The nouns of a checkout."""
        source, loader = cls(), getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        for path in sorted(folder.glob("noun.*.yaml")):
            for name, synset in yaml.load(path.read_text("utf8"), loader).items():
                source.synsets[name] = {**synset, "file": path.name.split(".")[1]}
        for path in sorted(folder.glob("entries-*.yaml")):
            for word, by_class in yaml.load(path.read_text("utf8"), loader).items():
                senses = (by_class[name]["sense"] for name in sorted(by_class) if name.startswith("n"))
                listed = [sense["synset"] for group in senses for sense in group]
                if listed and word == word.lower():
                    source.entries[word] = listed
        return source

    def file(self, synset: str) -> str:
        """The lexicographer's file; the few that are in `Tops` are in the one of their own name."""
        name = self.synsets[synset]["file"]
        return str(self.synsets[synset]["members"][0] if name == "Tops" else name)

    def above(self, synset: str) -> Iterator[str]:
        """All hypernyms, near ones first; some more than once."""
        for name in self.synsets[synset].get("hypernym", ()):
            yield name
            yield from self.above(name)


def main(folder: Path, target: Path = TABLE) -> None:
    """Writes the table of a checkout."""
    source = Source.read(folder / "src" / "yaml")
    named = _words(source, {name: name for name in _kept(source)})
    kept = sorted({name for ids, _ in named.values() for name in ids})
    lines = {name: str(place) for place, name in enumerate(kept)}
    words = _words(source, lines)
    parts = [
        ["# thing", *(" ".join(dict.fromkeys(_nearest(source, name, lines))) for name in kept)],
        ["# word", *(f"{key}\t{' '.join(ids)}\t{' '.join(told)}" for key, (ids, told) in words.items())],
        ["# mass", *sorted(_masses(source))],
        ["# front", *_fronts(source)],
    ]
    target.write_text(HEADER + "".join("\n".join(part) + "\n" for part in parts), "utf8")


def _kept(source: Source) -> list[str]:
    """Ids of the synsets of the table, sorted."""
    kinds: Counter[str] = Counter()
    for name in source.synsets:
        kinds.update(set(source.above(name)) if source.file(name) == "artifact" else ())
    named = {name for word, senses in source.entries.items() if _is_name(word) for name in senses}
    single = {name for word, senses in source.entries.items() if word.isalpha() for name in senses}
    drugs = {name for name in source.synsets if source.synsets[name]["members"][0] == DRUG}
    return sorted(
        name
        for name in source.synsets
        if (source.file(name) in LIVING and name in single)
        or (
            source.file(name) == "artifact"
            and name in named
            and kinds[name] <= MOST_KINDS
            and not drugs & set(source.above(name))
        )
    )


def _is_name(word: str) -> bool:
    return len(word) <= MOST_LETTERS and re.fullmatch(r"[a-z][a-z '-]*", word) is not None


def _nearest(source: Source, name: str, lines: dict[str, str]) -> Iterator[str]:
    """The lines of the nearest hypernyms that are kept."""
    for above in source.synsets[name].get("hypernym", ()):
        if above in lines:
            yield lines[above]
        else:
            yield from _nearest(source, above, lines)


def _words(source: Source, lines: dict[str, str]) -> dict[str, tuple[list[str], list[str]]]:
    """Lines of the things by the key of what they are called, and the keys that the first definition mentions."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    first: dict[str, str] = {}
    for word, senses in sorted(source.entries.items()):
        things = [name for name in senses if name in lines]
        is_named = _is_name(word) and (word.isalpha() or source.file(senses[0]) == "artifact")
        if things and is_named and not _says_itself(source, word, senses):
            ids, _ = found.setdefault(key_of(word), ([], []))
            ids += [lines[name] for name in things if lines[name] not in ids]
            first.setdefault(key_of(word), things[0])
    rooms = _room_words(source)
    for key, name in first.items():
        if source.file(name) == "artifact":
            told = set(_mentioned(source.synsets[name]["definition"][0], rooms))
            found[key][1].extend(sorted(told - {key}))
    return dict(sorted(found.items()))


def _says_itself(source: Source, word: str, senses: list[str]) -> bool:
    """Whether several words name a kind of what the last of them does, as most do: a side table is a table."""
    *before, last = word.replace("-", " ").split()
    first = source.entries.get(last, [""])[0]
    return bool(before) and all(first in source.above(name) for name in senses)


def _room_words(source: Source) -> frozenset[str]:
    """Words for what rooms hold: their first sense is a furnishing, appliance, fixture, vessel or the like."""
    roots = frozenset(root.strip() for root in ROOTS.split(";"))
    found = set()
    for word, senses in source.entries.items():
        named = {source.synsets[name]["members"][0] for name in (senses[0], *source.above(senses[0]))}
        if source.file(senses[0]) == "artifact" and word.isalpha() and named & roots:
            found.add(word)
    return frozenset(found)


def _mentioned(definition: object, known: frozenset[str]) -> list[str]:
    said = re.findall(r"[a-z]+", str(definition))
    singular = [word if word in known else word.removesuffix("s") for word in said]
    return [word for word in singular if word in known]


def _masses(source: Source) -> Iterator[str]:
    """Words of which the first sense is stuff, or which name only groups, or that mean things collectively."""
    for word, senses in source.entries.items():
        files = [source.file(name) for name in senses]
        is_group = files[0] == "group" and "artifact" not in files
        is_said = "collective" in str(source.synsets[senses[0]]["definition"])
        is_stuff = files[0] == "substance" and "artifact" not in files[:MAIN]  # a glass holds water
        is_stuff |= files[0] == "artifact" and is_said
        if word.isalpha() and len(word) <= MOST_LETTERS and (is_group or is_stuff):
            yield word


def _fronts(source: Source) -> list[str]:
    """First words of several compounds, sorted."""
    split = (re.split(r"[ -]", word) for word in source.entries)
    numbers = Counter(parts[0] for parts in split if len(parts) == 2 and len(parts[0]) > 2)
    return sorted(
        word for word, number in numbers.items() if number >= LEAST_COMPOUNDS and word in source.entries
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
