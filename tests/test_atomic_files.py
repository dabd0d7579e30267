import pytest

from lightning_ouro.atomic_files import from_jsonl, to_jsonl, write_jsonl


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "x.jsonl"
    write_jsonl(path, [{"a": 1}])
    with pytest.raises(TypeError):
        write_jsonl(path, [{"a": 2}, {"a": object()}])
    assert path.read_text() == '{"a": 1}\n'
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.jsonl"]


def test_any_text_can_be_written_and_read_back():
    row = {"text": "a\ud83d b\udc80 \U0001f600 é\u2028"}
    data = to_jsonl([row])
    assert from_jsonl(data) == [row] and data.decode("utf8").count("\n") == 1
