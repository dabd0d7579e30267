"""The weight files of a checkpoint's folder, and what safetensors says about them without reading the weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from lightning_ouro.errors import InputError, on_one_line
from lightning_ouro.file_samples import samples

HEAD, EMBEDDING = "lm_head.weight", "model.language_model.embed_tokens.weight"
# Parts of a tensor by which it is compared: first, middle and last. Weights that were trained further differ in nearly
# every number. Chosen by hand.
NUM_PARTS = 3
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
LONGEST_HEADER = 100_000_000  # bytes; the safetensors library's own limit


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a safetensors file.

    Attributes:
        dtype: Type as safetensors writes it, such as BF16.
        shape: Its sizes.
        file: Where it is.
        start: Offset in the file of its first byte.
        num_bytes: Its size in bytes.
    """

    dtype: str
    shape: tuple[int, ...]
    file: Path
    start: int
    num_bytes: int


def named_files(folder: Path) -> list[str]:
    """Names of a folder's safetensors files as transformers chooses them, be they there or not.

    The single file wins; else those that the index names; none without either.

    Raises:
        InputError: the index lists no files.
    """
    if (folder / WEIGHTS).is_file():
        return [WEIGHTS]
    if not (folder / INDEX).is_file():
        return []
    try:
        return sorted(set(json.loads((folder / INDEX).read_text("utf8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{folder / INDEX} does not list weight files ({on_one_line(error)}); download it again"
        ) from error


def stored_tensors(folder: Path) -> dict[str, StoredTensor]:
    """Every tensor of a folder's safetensors files by name; empty where it has no such files.

    Raises:
        InputError: a file is missing, truncated, or no safetensors file.
    """
    return {
        name: tensor for file in named_files(folder) for name, tensor in _tensors_of(folder / file).items()
    }


def refuse_other_head(checkpoint: str, folder: Path) -> None:
    """Refuses a head of its own where config.json ties it to the embedding, because transformers then leaves it out.

    Raises:
        InputError: there is such a head, and it is another.
    """
    tensors = stored_tensors(folder)
    if HEAD not in tensors or EMBEDDING not in tensors:
        return
    head, embedding = tensors[HEAD], tensors[EMBEDDING]
    if (head.dtype, head.shape) != (embedding.dtype, embedding.shape) or _sampled(head) != _sampled(
        embedding
    ):
        raise InputError(
            f"model.checkpoint={checkpoint!r} has a {HEAD} of its own, but its config.json has tie_word_embeddings: "
            "true, by which the embedding takes its place; download config.json again, or set it to false there"
        )


def _sampled(tensor: StoredTensor) -> bytes:
    return samples(tensor.file, tensor.start, tensor.num_bytes, NUM_PARTS)


def _tensors_of(path: Path) -> dict[str, StoredTensor]:
    """Reads a header: 8 bytes with its length, then JSON, then the tensors (huggingface.co/docs/safetensors)."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            fields = json.loads(file.read(length)) if length <= LONGEST_HEADER else None
        size, tensors = path.stat().st_size, dict[str, StoredTensor]()
        for name, entry in fields.items():  # type: ignore[union-attr]
            if name != "__metadata__":
                start, end = entry["data_offsets"]
                tensors[name] = StoredTensor(
                    entry["dtype"], tuple(entry["shape"]), path, 8 + length + start, end - start
                )
        if any(tensor.start + tensor.num_bytes > size for tensor in tensors.values()):
            raise ValueError("it ends within a tensor")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is truncated or not a safetensors file; download it again") from error
    return tensors
