"""What a hostile program leaves is seen, and what other processes do on the same machine is not."""

import os
import tempfile
from pathlib import Path

from process_traces import own_folder, paths_named_in, take_traces


def left_by(action, paths=()):
    before = take_traces(paths)
    action()
    return take_traces(paths).beyond(before)


def test_files_in_every_folder_that_a_program_would_choose_are_seen():
    with own_folder():
        places = {Path.cwd(), Path.home(), Path(tempfile.gettempdir())}
        for number, place in enumerate(places):
            file = place / f"escaped-{number}"
            assert left_by(file.touch) == [f"new file {file}"]


def test_a_file_at_a_path_that_a_program_names_is_seen_and_any_other_is_not(tmp_path):
    paths = paths_named_in([f"open('{tmp_path}/escaped.txt', 'w')", "def answer(scene): return 1 // 2"])
    assert paths == {f"{tmp_path}/escaped.txt"}
    with own_folder():
        assert left_by((tmp_path / "of another process").touch, paths) == []
        assert left_by((tmp_path / "escaped.txt").touch, paths) == [f"new file {tmp_path}/escaped.txt"]


def test_the_process_is_back_where_it_was_afterwards():
    before = (Path.cwd(), os.environ.get("HOME"), os.environ.get("TMPDIR"), tempfile.gettempdir())
    with own_folder():
        assert before[0] != Path.cwd()
    assert (Path.cwd(), os.environ.get("HOME"), os.environ.get("TMPDIR"), tempfile.gettempdir()) == before
