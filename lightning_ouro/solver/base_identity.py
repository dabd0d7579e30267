"""What a base is, whatever it is called: a fingerprint of its content, by which trained weights know their base.

It takes config.json, names, shapes and types of all tensors, and sampled bytes of each: a second or two for a
checkpoint of 16 GB, and the same in one file or in several. Weights that were trained further differ in nearly
every number of a tensor, so a few bytes of each tell them apart.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from transformers import PreTrainedTokenizerBase
from transformers.utils import CONFIG_NAME, cached_file

from lightning_ouro.distributed import from_first_rank
from lightning_ouro.errors import InputError, on_one_line
from lightning_ouro.file_samples import samples
from lightning_ouro.solver.checkpoint import checkpoint_folder
from lightning_ouro.solver.loading import Init, LoadedModel
from lightning_ouro.solver.patches import PatchSpec
from lightning_ouro.solver.prompt_form import KEY as PROMPT_KEY
from lightning_ouro.solver.weight_files import NUM_PARTS, stored_tensors

# Fields of config.json that describe no model; how it is asked is recorded beside what it is.
OF_THE_WRITER = ("_name_or_path", "transformers_version", PROMPT_KEY)

Fingerprint = dict[str, str | int]


def fingerprint_as_read(checkpoint: str, init: Init, seed: int, loaded: LoadedModel) -> Fingerprint:
    """Of a base when it was read, which may be replaced where it lies later; the first rank reads. A collective.

    Args:
        checkpoint: As for `fingerprint`.
        init: As for `fingerprint`.
        seed: What random weights are drawn by; no part of the base where all weights are trained.
        loaded: The model, with what is trained.
    """
    drawn_by = seed if any(not weight.requires_grad for weight in loaded.net.parameters()) else None
    read_as = reading_of(loaded.tokenizer, loaded.spec)
    return read_as | from_first_rank(lambda: fingerprint(checkpoint, init, drawn_by))


def fingerprint(checkpoint: str, init: Init, seed: int | None) -> Fingerprint:
    """Hashes of what makes a base, by what they are of: `config`, and `weights` or the `seed` of random ones.

    Args:
        checkpoint: `tiny`, a local folder or a hub name, which has been read before.
        init: Whether its weights are read, or drawn.
        seed: What random weights are drawn by; None where none of them stays as it was drawn.

    Raises:
        InputError: a file cannot be read any more.
    """
    folder = local_folder(checkpoint)
    try:
        found: Fingerprint = {"config": _of_config(folder / CONFIG_NAME)}
        if init == "pretrained":
            found["weights"] = _of_weights(folder)
        elif seed is not None:
            found["seed"] = seed
    except (OSError, ValueError) as error:
        raise InputError(
            f"model.checkpoint={checkpoint!r}: its files cannot be read: {on_one_line(error)}"
        ) from error
    return found


def reading_of(tokenizer: PreTrainedTokenizerBase, spec: PatchSpec) -> Fingerprint:
    """Hashes of what a base's inputs depend on beside its weights: its words, the chat template, how pixels are scaled.

    Of what was read, not of files, which come in several forms.
    """
    parts = {
        "vocabulary": sorted(tokenizer.get_vocab().items()),
        "chat_template": tokenizer.chat_template,
        "pictures": [spec.mean, spec.std],
    }
    return {name: hashlib.sha256(json.dumps(part).encode()).hexdigest()[:16] for name, part in parts.items()}


def local_folder(checkpoint: str) -> Path:
    """The folder that holds a checkpoint's files: for a hub name, its snapshot in the hub's cache.

    Raises:
        InputError: there is none.
    """
    source = checkpoint_folder(checkpoint)
    if Path(source).is_dir():
        return Path(source)
    try:
        return Path(cached_file(source, CONFIG_NAME, local_files_only=True)).parent
    except OSError as error:
        raise InputError(f"model.checkpoint={checkpoint!r}: {on_one_line(error)}") from error


def _of_config(path: Path) -> str:
    fields = json.loads(path.read_text("utf8"))
    kept = {name: value for name, value in fields.items() if name not in OF_THE_WRITER}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def _of_weights(folder: Path) -> str:
    digest = hashlib.sha256()
    tensors = stored_tensors(folder)
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tensor.shape}\n".encode())
        digest.update(samples(tensor.file, tensor.start, tensor.num_bytes, NUM_PARTS))
    if not tensors:  # PyTorch's own format, which has no header of such a kind
        for path in sorted(folder.glob("pytorch_model*.bin")):
            digest.update(f"{path.name} {path.stat().st_size}\n".encode())
            digest.update(samples(path, 0, path.stat().st_size, NUM_PARTS))
    return digest.hexdigest()
