import hashlib

from lightning_ouro.evaluation.weights import EvaluatedWeights


def test_the_base_is_called_so():
    assert EvaluatedWeights.of(None).record(None) == "base"


def test_a_file_is_named_by_path_steps_and_content(tmp_path, monkeypatch):
    path = tmp_path / "last.ckpt"
    path.write_bytes(b"weights")
    monkeypatch.chdir(tmp_path)
    weights = EvaluatedWeights.of(path.relative_to(tmp_path))
    digest = hashlib.sha256(b"weights").hexdigest()
    assert (weights.path, weights.sha256) == (str(path), digest)
    assert weights.record(80) == f"{path} after 80 steps, sha256 {digest[:16]}"


def test_a_folder_is_named_by_all_its_files_and_their_names(tmp_path):
    seen = set()
    for names in (("a", "b"), ("a", "c"), ("a", "b", "c")):
        folder = tmp_path / "-".join(names)
        (folder / "sub").mkdir(parents=True)
        for name in names:
            (folder / "sub" / name).write_bytes(b"1")
        seen.add(EvaluatedWeights.of(folder).sha256)
        assert EvaluatedWeights.of(folder).sha256 in seen
    assert len(seen) == 3
