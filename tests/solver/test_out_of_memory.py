import re
from types import SimpleNamespace

import pytest
import torch

from lightning_ouro.errors import InputError
from lightning_ouro.solver.batches import SceneRow, TrainBatch
from lightning_ouro.solver.module import SolverModule
from lightning_ouro.solver.out_of_memory import explain_out_of_memory

from .conftest import make_question, make_video

ROWS = (SceneRow(make_video(0), (make_question(1, "How many?", "3"),) * 2, (0.0, 0.0)),) * 3
MESSAGE = (
    r"out of memory with 3 videos of 6 frames of 64 x 96 and 6 questions in one batch; raise "
    r"trainer.accumulate_grad_batches .*, set model.gradient_checkpointing=true, or lower data.frames.num_frames"
)


def test_exhausted_main_memory_names_the_batch_and_the_settings():
    with pytest.raises(InputError, match=MESSAGE) as caught, explain_out_of_memory(ROWS):
        torch.empty(2**58, dtype=torch.uint8)
    assert "allocate" in str(caught.value) and "\n" not in str(caught.value)


def test_exhausted_device_memory_names_the_batch_and_the_settings():
    with pytest.raises(InputError, match=MESSAGE), explain_out_of_memory(ROWS):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nSee documentation")


def test_other_errors_are_not_replaced():
    with pytest.raises(RuntimeError, match=re.escape("mat1 and mat2")), explain_out_of_memory(ROWS):
        torch.zeros(2, 3) @ torch.zeros(2, 3)


def test_errors_of_forward_and_backward_pass_are_both_explained(monkeypatch):
    module = SolverModule(init="random")

    def exhausted(_):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(module, "encode", lambda row, video: row)
    monkeypatch.setattr(module, "score_rows", exhausted)
    with pytest.raises(InputError, match=MESSAGE):
        module.training_step(TrainBatch(ROWS), 0)

    class ExhaustedBackward(torch.autograd.Function):
        @staticmethod
        def forward(ctx, value):
            return value.clone()

        @staticmethod
        def backward(ctx, gradient):
            raise torch.OutOfMemoryError("CUDA out of memory.")

    module.trainer = SimpleNamespace()
    with pytest.raises(InputError, match=MESSAGE):
        module.backward(ExhaustedBackward.apply(torch.ones((), requires_grad=True)))
