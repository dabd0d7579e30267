"""Sections of the benchmarks' README about what the model reads: from a report of `results/` to Markdown."""

from __future__ import annotations

from markdown_tables import Report, paragraphs, prose, provenance, table


def processor_parity(report: Report) -> str:
    """Tokens, positions and patches against those of the real processor."""
    files, equal = report["files"], {True: "equal", False: "**not equal**"}
    rows = [
        [
            f"`{name}`",
            ", ".join(each["pictures"]),
            each["video_form"] or "",
            *(equal[each[key]] for key in ("ids_equal", "positions_equal", "positions_equal_installed")),
            *(f"{each[key]:.0e}" for key in ("patch_difference", "patch_difference_mean")),
            *(f"{each['pillow'][key]:.0e}" for key in ("patch_difference", "patch_difference_mean")),
        ]
        for name, each in files.items()
    ]
    header = ["file", "pictures", "form", "tokens", "positions", "by installed `get_rope_index`"]
    differences = ["largest difference", "mean", "with Pillow: largest", "mean"]
    return paragraphs(
        prose(
            """What the real `Qwen3VLProcessor` of two versions of transformers, with the real tokenizer, template and
            settings of Qwen3-VL-4B and torchvision, made of real frames and images, against what this package makes of
            the same files: sizes from the processor's budgets of pixels, token ids in the *form* of that version
            (`model.video_form`), M-RoPE positions, and the pixels of the first 64 patches (-1 to 1; a level of 255 is
            0.008). Pictures are resized as torchvision does on a CPU; the last two columns are those of Pillow."""
        ),
        provenance(report),
        table([*header, *differences], rows),
    )
