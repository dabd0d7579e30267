"""What libraries say by themselves, and where it is hidden or said otherwise."""

from __future__ import annotations

import logging
import threading
import warnings

_python = threading.excepthook
_lost: list[OSError] = []  # what TensorBoard's thread could not write


def silence_libraries() -> None:
    """Hides what libraries say about themselves at every start, so that a warning about the run is seen."""
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(_is_not_advertisement)
    warnings.filterwarnings("ignore", "`isinstance.treespec, LeafSpec.` is deprecated")  # PL#21326
    warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated")  # peft 0.21
    threading.excepthook = _note_lost_events
    _lost.clear()


def check_events_were_written() -> None:
    """Says what TensorBoard keeps to itself if its thread fails at the very end; to be called when a run has ended.

    Raises:
        OSError: events could not be written, such as to a full disk.
    """
    if _lost:
        raise _lost[0]


def _note_lost_events(failed: threading.ExceptHookArgs) -> None:
    """Notes in place of a traceback: the next event raises the same error in the run itself."""
    of_tensorboard = type(failed.thread).__module__.startswith("tensorboard.")
    if of_tensorboard and isinstance(failed.exc_value, OSError):
        _lost.append(failed.exc_value)
    else:
        _python(failed)


def _is_not_advertisement(record: logging.LogRecord) -> bool:
    return "litlogger" not in record.getMessage() and "litmodels" not in record.getMessage()
