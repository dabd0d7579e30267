"""TensorBoard's curves, read back as TensorBoard reads them."""

from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lightning_ouro.loop import curves


def session(folder, number, steps, resumed_at=None):
    """What one process writes; files of a second are told apart by their ending."""
    logger = TensorBoardLogger(folder, name="", version="", filename_suffix=f".{number}")
    if resumed_at is not None:
        curves.forget_after([logger, CSVLogger(folder)], resumed_at)
    for step in steps:
        curves.write_scalars([logger], {"train/loss": number + step / 100}, step)
    logger.experiment.close()


def test_what_a_killed_run_wrote_after_its_checkpoint_is_replaced(tmp_path):
    session(tmp_path, 1, range(6))
    session(tmp_path, 2, range(4, 8), resumed_at=3)
    events = EventAccumulator(str(tmp_path)).Reload().Scalars("train/loss")
    assert [event.step for event in events] == list(range(8))
    assert [int(event.value) for event in events] == [1, 1, 1, 1, 2, 2, 2, 2]
