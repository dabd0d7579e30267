"""A disk that is full or read-only: one line that names the file, nothing half-written, nothing lost."""

import errno
import os
import resource
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import torch
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from lightning_ouro import atomic_files
from lightning_ouro.atomic_files import write_atomic
from lightning_ouro.checkpoint_files import AtomicCheckpointIO
from lightning_ouro.libraries import check_events_were_written, silence_libraries
from lightning_ouro.loop.journal import Journal
from lightning_ouro.programs.questions import Proposal
from lightning_ouro.scenes.store import write_scene
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget

from .small_run import SMALL, TINY

GRAMMAR = ("--loop.proposer", "GrammarProposer", "--loop.blind", "none")


@contextmanager
def files_up_to(size):
    """The system itself refuses to make a file longer than `size` bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def stopped(run, capsys, *args, command="fit"):
    with pytest.raises(SystemExit) as stop:
        run(command, *args)
    error = capsys.readouterr().err
    assert stop.value.code == 2 and "Traceback" not in error
    return error.strip().splitlines()[-1]


def temporary_files(folder):
    return [path for path in folder.rglob(".*") if path.is_file()]


def test_a_record_that_cannot_be_written_leaves_no_run(run, tmp_path, capsys):
    with files_up_to(1500):
        line = stopped(run, capsys, "--config", TINY, *SMALL, *GRAMMAR, "--trainer.logger", "false")
    assert "config.fit.yaml: cannot be written (File too large); free some space" in line
    assert list(tmp_path.iterdir()) == []


def test_events_that_cannot_be_written_are_no_traceback_and_not_forgotten(tmp_path, capsys):
    silence_libraries()
    writer = EventFileWriter(str(tmp_path), flush_secs=1)
    check_events_were_written()
    with files_up_to(200), suppress(OSError):
        for step in range(100):
            writer.add_event(Event(step=step, file_version="x" * 100))
        writer.close()
    with pytest.raises(OSError, match="File too large"):
        check_events_were_written()
    assert capsys.readouterr().err == ""
    silence_libraries()
    check_events_were_written()


def test_a_checkpoint_that_cannot_be_written_is_named_and_the_last_one_kept(run, own_fitted, capsys):
    last = own_fitted / "checkpoints" / "last.ckpt"
    before = last.read_bytes()
    config = ("--config", str(own_fitted / "config.fit.yaml"), "--ckpt_path", "last")
    with files_up_to(500_000):
        line = stopped(run, capsys, *config, "--trainer.max_epochs", "3")
    assert ".ckpt: cannot be written (File too large); free some space" in line
    assert last.read_bytes() == before and not temporary_files(own_fitted)
    torch.load(last, weights_only=True)


def refusing(monkeypatch, name, number):
    """Files of that name can't be brought to the disk."""
    fsync = os.fsync

    def refuse(descriptor):
        if name in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(atomic_files.os, "fsync", refuse)


@pytest.mark.parametrize("name", ["questions.jsonl", "selection.jsonl", "request.json"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_a_rounds_file_that_cannot_be_written_is_named(run, tmp_path, capsys, monkeypatch, name, number):
    if number != errno.ENOSPC and name != "questions.jsonl":
        pytest.skip("the numbers are told apart in one place")
    refusing(monkeypatch, f".{name}.", number)
    line = stopped(run, capsys, "--config", TINY, *SMALL, *GRAMMAR)
    assert f"rounds/000/{name}: cannot be written ({os.strerror(number)})" in line
    assert not temporary_files(tmp_path)


def test_a_permission_that_is_missing_is_no_success(tmp_path, monkeypatch):
    def refuse(self, target):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(PermissionError):
        AtomicCheckpointIO().save_checkpoint({"a": 1}, tmp_path / "x.ckpt")
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_names_the_file_and_leaves_the_old_one(tmp_path):
    path = tmp_path / "x"
    write_atomic(path, b"old")
    with files_up_to(1000), pytest.raises(OSError, match="File too large") as stop:
        write_atomic(path, bytes(2000))
    assert stop.value.filename == str(path) and path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_notes_of_a_proposer_that_cannot_be_written_are_named_and_the_rest_kept(tmp_path):
    journal = Journal(tmp_path, 0, b'{"seed": 0}')
    written = {name: [Proposal(name, "room", "?" * 300, "", "test", 0, 0)] for name in "abc"}
    journal.add({"a": written["a"]})
    with files_up_to(800), pytest.raises(OSError, match="File too large") as stop:
        journal.add({name: written[name] for name in "bc"})
    assert stop.value.filename == str(tmp_path / "proposals.0.jsonl")
    assert journal.read() == {"a": written["a"]}
    journal.add({"c": written["c"]})
    assert journal.read() == {name: written[name] for name in "ac"}


@pytest.mark.parametrize("size", [1000, 8_000, 40_000])  # breaks off within a frame, between, within a record
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_scene_that_cannot_be_stored_is_named_and_leaves_nothing(run, tmp_path, capsys, size, workers):
    for scene in procedural_scenes(0, 2):
        write_scene(scene, scene.footage.load(scene, FrameBudget(6, 96, 128)), tmp_path / "rooms" / scene.id)
    options = ("--num_frames", "4", "--height", "96", "--width", "128", "--workers", workers)
    with files_up_to(size):
        line = stopped(run, capsys, "rooms", "store", *options, command="prepare")
    assert "store/procedural-00000" in line and ": cannot be written (File too large)" in line
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["store.json"]
    run("prepare", "rooms", "store", *options)
    assert {path.name for path in (tmp_path / "store").glob("proc*")} == {
        path.name for path in (tmp_path / "rooms").iterdir()
    }
