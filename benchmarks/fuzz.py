"""Looks for text that a reader of models' or files' text cannot take: it raises, or needs more than a second.

    python benchmarks/fuzz.py --engine hypothesis --minutes 60 --corpus FOLDER [--out FILE]
    python benchmarks/fuzz.py --engine atheris --minutes 60 --corpus FOLDER [--out FILE]

hypothesis strings together pieces of `text_readers`; atheris (`pip install atheris`) follows the coverage of
the package's own code. What they find is kept in the corpus, where the next run begins; the shortest of what broke
belongs into `tests/programs/broken_once.json`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from record import provenance, write_report

SECONDS = 1.0  # for one reader and one text of at most `LONGEST` characters, on a busy machine
LONGEST = 4000
DAMAGE = "broken"  # folder in the corpus for what broke a reader


def main(args: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", choices=("hypothesis", "atheris"), required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(args)
    (options.corpus / DAMAGE).mkdir(parents=True, exist_ok=True)
    report = provenance("fuzz.py", args, (options.engine, "lightning_ouro"))
    started = time.monotonic()
    run: Callable[[Path, float], int] = _hypothesis if options.engine == "hypothesis" else _atheris
    texts = run(options.corpus, options.minutes * 60)
    broken = sorted(path.name for path in (options.corpus / DAMAGE).iterdir())
    report |= {
        "engine": options.engine,
        "minutes": (time.monotonic() - started) / 60,
        "texts": texts,
        "broken": broken,
    }
    print(
        f"{texts:,} texts in {report['minutes']:.0f} min; {len(broken)} broke a reader: {', '.join(broken)}"
    )
    if options.out is not None:
        write_report(options.out, report)
    sys.exit(bool(broken))


def check(text: str, corpus: Path) -> None:
    """Gives a text to all readers; keeps it, and raises, if one of them raises or takes too long."""
    from text_readers import READERS

    for name, reader in READERS.items():
        started = time.process_time()
        try:
            reader(text)
        except Exception:
            _keep(text, name, corpus)
            raise
        if time.process_time() - started > SECONDS:
            _keep(text, name, corpus)
            raise TimeoutError(f"{name} needs more than {SECONDS} s")


def _keep(text: str, name: str, corpus: Path) -> None:
    file = corpus / DAMAGE / f"{name.replace(' ', '_')}-{abs(hash(text)) % 10**8}.txt"
    file.write_bytes(text.encode("utf8", "surrogatepass"))


def _hypothesis(corpus: Path, seconds: float) -> int:
    from hypothesis import HealthCheck, given, seed, settings
    from hypothesis import strategies as st
    from hypothesis.database import DirectoryBasedExampleDatabase
    from text_readers import FENCED, PIECES

    from lightning_ouro.programs.families import FAMILIES

    sentences = [form.template for family in FAMILIES.values() for form in family.forms]
    pieces = st.sampled_from([*PIECES, *sentences, FENCED]) | st.text(max_size=8)
    texts = st.lists(
        pieces | st.tuples(pieces, st.integers(1, 200)).map(lambda it: it[0] * it[1]), max_size=12
    )
    count, end, batch = 0, time.monotonic() + seconds, 0

    def one(text: str) -> None:
        nonlocal count
        count += 1
        check(text[:LONGEST], corpus)

    while time.monotonic() < end:
        batch += 1
        profile = settings(
            max_examples=500,
            deadline=None,
            database=DirectoryBasedExampleDatabase(corpus / "hypothesis"),
            suppress_health_check=list(HealthCheck),
        )
        try:
            seed(batch)(profile(given(texts.map("".join))(one)))()
        except Exception as problem:  # kept in the corpus already; go on with other texts
            print(type(problem).__name__, str(problem)[:200], flush=True)
    return count


def _atheris(corpus: Path, seconds: float) -> int:
    """LibFuzzer ends its process, so it gets one; it is started again after a text that broke something."""
    end, count = time.monotonic() + seconds, multiprocessing.get_context("spawn").Value("q", 0)
    while (left := int(end - time.monotonic())) > 0:
        child = multiprocessing.get_context("spawn").Process(target=_follow, args=(corpus, left, count))
        child.start()
        child.join()
        if child.exitcode == 0:
            break
    return int(count.value)


def _follow(corpus: Path, seconds: int, count: Any) -> None:
    import atheris

    with atheris.instrument_imports(include=["lightning_ouro", "ast", "re", "tokenize", "json"]):
        import text_readers  # noqa: F401

    def one(data: bytes) -> None:
        count.value += 1
        check(data.decode("utf8", "replace")[:LONGEST], corpus)

    found = corpus / "atheris"
    found.mkdir(exist_ok=True)
    arguments = [sys.argv[0], str(found), f"-max_total_time={seconds}", f"-max_len={LONGEST}"]
    atheris.Setup([*arguments, "-print_final_stats=1", f"-artifact_prefix={corpus}/{DAMAGE}/"], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
