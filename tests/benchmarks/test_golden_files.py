"""What the encoder makes of real pictures is what the real processor of two versions of transformers made of them."""

import json
from dataclasses import replace

import golden_files
import numpy as np
import pytest
import torch
from transformers import AutoModelForImageTextToText

from lightning_ouro.programs.questions import VIDEO_PROMPT
from lightning_ouro.scenes.footage.read_frames import resized
from lightning_ouro.scenes.types import Image
from lightning_ouro.solver.encoding import RowEncoder
from lightning_ouro.solver.packing import pack
from lightning_ouro.solver.patches import grid_of, patches_of
from lightning_ouro.solver.prompt_form import PromptForm

FORMS = {"4.57.3": "plain", "5.24.0": "wrapped"}


@pytest.fixture(scope="module")
def checkpoint(shared_data):
    return golden_files.Checkpoint.read(shared_data / "qwen3_vl_4b")


@pytest.fixture
def golden(shared_data, checkpoint):
    """What a golden file says, its arrays, its pictures as they are shown, and an encoder of a form."""

    def read(name, version):
        path = shared_data / "qwen3_vl_4b" / "golden" / f"{name}_{version}.json"
        said, arrays = json.loads(path.read_text("utf8")), dict(np.load(path.with_suffix(".npz")))
        segments, _ = golden_files.conversation(said, [shared_data / "scenes"], checkpoint, resized)
        form = PromptForm(FORMS[version])
        return arrays, segments, RowEncoder(checkpoint.tokenizer, checkpoint.config, checkpoint.spec, form)

    return read


@pytest.mark.parametrize("version", FORMS)
def test_a_question_about_a_video_has_the_processors_tokens_and_positions(golden, version):
    arrays, (video, text), encoder = golden("video", version)
    packed = pack([encoder.row(video, [text], [None])])
    assert packed.ids.tolist() == arrays["input_ids"].tolist()
    assert packed.positions.tolist() == arrays["positions"].tolist()


@pytest.mark.parametrize("version", FORMS)
def test_a_turn_with_images_has_the_processors_tokens_and_positions(golden, version):
    arrays, segments, encoder = golden("images", version)
    turn = encoder.turn(segments, is_whole=True)
    assert turn.ids.tolist() == arrays["input_ids"].tolist()
    assert turn.positions.tolist() == arrays["positions"].tolist()
    assert turn.next_position == arrays["positions"].max() + 1


@pytest.mark.parametrize("name", ["video", "images"])
def test_patches_are_the_processors_but_for_the_rounding_of_floats(golden, name):
    arrays, segments, encoder = golden(name, "5.24.0")
    visuals = [segment for segment in segments if not isinstance(segment, str)]
    assert [grid_of(visual, encoder.spec) for visual in visuals] == [
        tuple(grid) for grid in arrays["grid"].tolist()
    ]
    patches = patches_of(visuals, encoder.spec).numpy()
    np.testing.assert_allclose(patches[:64], arrays["first_patches"], atol=1e-6)
    np.testing.assert_allclose(patches.mean(1), arrays["patch_mean"], atol=1e-6)
    np.testing.assert_allclose((patches**2).mean(1), arrays["patch_square"], atol=1e-6)


def test_a_frame_with_its_own_time_has_the_tokens_of_two_frames_that_share_it(golden):
    _, (video, _), encoder = golden("video", "5.24.0")
    own = replace(video, views=replace(video.views, frames_per_time=1))
    twice = replace(
        video,
        frames=video.frames.repeat(2, axis=0),
        views=replace(video.views, timestamps=video.views.timestamps.repeat(2)),
    )
    assert torch.equal(encoder.prefix(own).ids, encoder.prefix(twice).ids)
    assert torch.equal(encoder.prefix(own).positions, encoder.prefix(twice).positions)
    assert torch.equal(patches_of([own], encoder.spec), patches_of([twice], encoder.spec))


@pytest.fixture(scope="module")
def installed(checkpoint):
    """The installed transformers' model, without weights, of which positions are asked."""
    with torch.device("meta"):
        return AutoModelForImageTextToText.from_config(checkpoint.config).model


@pytest.mark.parametrize("form", FORMS.values())
@pytest.mark.parametrize("order", ["vti", "itv", "iivtt", "tvtvi", "v", "ii"])
def test_positions_of_any_order_are_those_of_the_installed_transformers(
    golden, checkpoint, installed, form, order
):
    _, (video, _), _ = golden("video", "5.24.0")
    _, (first, _, _), _ = golden("images", "5.24.0")
    pictures = iter([first, Image(first.pixels[:96, :320]), first])
    segments = [{"v": video, "t": VIDEO_PROMPT}.get(kind) or next(pictures) for kind in order]
    encoder = RowEncoder(checkpoint.tokenizer, checkpoint.config, checkpoint.spec, PromptForm(form))
    turn, config = encoder.turn(segments, is_whole=True), checkpoint.config
    types = (turn.ids == config.image_token_id).int() + 2 * (turn.ids == config.video_token_id).int()
    grids = {
        f"{name}_grid_thw": torch.tensor(
            [grid_of(each, encoder.spec) for each in segments if isinstance(each, kind)]
        )
        for name, kind in (("image", Image), ("video", type(video)))
        if any(isinstance(each, kind) for each in segments)
    }
    expected, _ = installed.get_rope_index(turn.ids[None], mm_token_type_ids=types[None], **grids)
    assert torch.equal(turn.positions, expected[:, 0])
