"""Where standard output and error lead must not matter: closed, full, ASCII only, or a reader that goes."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lightning_ouro.usage import usage

NAMES_A_FILE = "print('caf\\udce9 \\u00e9 \\u2502')"


def shell(line, **environment):
    done = subprocess.run(
        ["bash", "-c", f'LO() {{ {shlex.quote(sys.executable)} -m lightning_ouro "$@"; }}; {line}'],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        errors="replace",
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("command", ["--help", "prepare --help", "show --help"])
def test_a_reader_that_has_read_enough_ends_nothing(command):
    status, out, error = shell(f"LO {command} | head -c 1; exit ${{PIPESTATUS[0]}}")
    assert (status, len(out), error) == (0, 1, "")


def test_work_goes_on_after_the_reader_has_gone(tmp_path):
    done = tmp_path / "done"
    program = (
        "import lightning_ouro.cli as cli, pathlib\n"
        "def main(args):\n"
        "    for number in range(100_000): print('x' * 80)\n"
        f"    pathlib.Path({str(done)!r}).touch()\n"
        "cli.import_module = lambda name: type('Command', (), {'main': staticmethod(main)})\n"
        "cli.main(['prepare'])\n"
    )
    (tmp_path / "program.py").write_text(program)
    status, _, error = shell(f"{sys.executable} {tmp_path}/program.py | head -1; exit ${{PIPESTATUS[0]}}")
    assert (status, error) == (0, "") and done.exists()


def test_an_output_that_cannot_be_written_is_said_on_one_line():
    status, _, error = shell("LO --help > /dev/full")
    assert status == 2
    assert error.splitlines() == [
        "lightning_ouro: standard output: cannot be written (No space left on device); free some space, or choose "
        "another folder"
    ]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("LO --help >&-", 0),
        ("LO --help 2>&-", 0),
        ("LO fti 2>&-", 2),
        ("LO fti 2>/dev/full", 2),
        ("LO fti >&-", 2),
    ],
)
def test_closed_and_full_streams_leave_the_exit_status(line, status):
    assert shell(line)[0] == status


def test_a_closed_output_says_nothing_else():
    assert shell("LO --help >&-")[2] == ""
    assert shell("LO --help 2>&-")[1].strip() == usage().strip()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf8", "cp1252"])
def test_any_text_is_printed_in_any_encoding(encoding):
    program = f"from lightning_ouro.streams import open_streams; open_streams(); {NAMES_A_FILE}"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env=os.environ | {"PYTHONIOENCODING": encoding}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip() == "caf\udce9 é │".encode(encoding, "backslashreplace")


def test_an_error_that_names_a_file_in_other_bytes_is_one_line(tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9"
    Path(os.fsdecode(name)).mkdir()
    done = subprocess.run([sys.executable, "-m", "lightning_ouro", "show", name], capture_output=True)
    assert done.returncode == 2 and rb"caf\udce9" in done.stderr
    assert len(done.stderr.splitlines()) == 1
