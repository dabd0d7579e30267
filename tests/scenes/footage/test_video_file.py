from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage.video_file import VideoFile

from .write_videos import (
    FRAMES,
    HEVC,
    IRREGULAR,
    JUMPY,
    LONG_GOP,
    MICRO,
    MPEG4,
    OPEN_GOP,
    SHORT_GOP,
    number_of,
    picture,
    written,
)


def silence(container):
    stream = container.add_stream("aac", rate=16_000, layout="mono")
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.pts = 16_000, 0
    return [*stream.encode(frame), *stream.encode(None)]


FPS_60_02 = (np.arange(FRAMES) * 50, Fraction(1, 3001))  # timestamps and their unit in seconds
FPS_59_94 = (np.arange(FRAMES) * 1001, Fraction(1, 60_000))
VIDEOS = {  # container, codec, timestamps, their unit, size
    "h264 in mp4, long GOP": ("mp4", LONG_GOP, np.arange(FRAMES) * 3000, MICRO, (96, 128)),
    "h264 in mkv, long GOP": ("mkv", LONG_GOP, np.arange(FRAMES) * 3000, MICRO, (96, 128)),
    "h264 in mp4, open GOPs, 60.02 fps": ("mp4", OPEN_GOP, *FPS_60_02, (96, 128)),
    "h264 in mkv, open GOPs, 59.94 fps": ("mkv", OPEN_GOP, *FPS_59_94, (96, 128)),
    "h264 in mp4, open GOPs, variable rate": ("mp4", OPEN_GOP, IRREGULAR, MICRO, (96, 128)),
    "h264 in mp4, short GOPs, jumpy": ("mp4", SHORT_GOP, JUMPY, MICRO, (96, 128)),
    "h264 in mkv, variable rate": ("mkv", OPEN_GOP, IRREGULAR, MICRO, (96, 128)),
    "h264 in mp4, starts at 10 s": ("mp4", OPEN_GOP, IRREGULAR + 900_000, MICRO, (96, 128)),
    "h264 in mkv, starts at 10 s": ("mkv", LONG_GOP, IRREGULAR + 900_000, MICRO, (96, 128)),
    "h264 in mp4, portrait": ("mp4", OPEN_GOP, np.arange(FRAMES) * 3000, MICRO, (160, 96)),
    "hevc in mov, open GOPs, 60.02 fps": ("mov", HEVC, *FPS_60_02, (96, 128)),
    "mpeg4 in mp4, B-frames, 59.94 fps": ("mp4", MPEG4, *FPS_59_94, (96, 128)),
    "mpeg4 in mkv, B-frames": ("mkv", MPEG4, *FPS_59_94, (96, 128)),
}


@pytest.fixture(scope="module", params=VIDEOS)
def video(request, tmp_path_factory):
    """An opened video, the times of the frames written into it in seconds, and their height and width."""
    kind, codec, stamps, tick, size = VIDEOS[request.param]
    path = written(tmp_path_factory.mktemp("video") / f"video.{kind}", codec, stamps, tick, size)
    return VideoFile(path), (stamps - stamps[0]) * float(tick), size


def test_times_are_those_that_were_written(video):
    opened, seconds, size = video
    tolerance = 1e-3 if opened.path.suffix == ".mkv" else 1e-9  # Matroska rounds times to milliseconds
    np.testing.assert_allclose(opened.times, seconds, rtol=0, atol=tolerance)
    assert opened.times[0] == 0 and opened.size == size


def test_all_frames_in_a_row_are_exact(video):
    opened, seconds, size = video
    frames = list(opened.frames(range(len(seconds))))
    assert [number_of(frame) for frame in frames] == list(range(FRAMES))
    assert {(frame.shape, frame.dtype) for frame in frames} == {((*size, 3), np.dtype(np.uint8))}


def test_every_single_frame_is_exact(video):
    opened, _, _ = video
    assert [number_of(next(opened.frames([index]))) for index in range(FRAMES)] == list(range(FRAMES))


def test_increasing_indices_with_gaps_and_repeats_are_exact(video):
    opened, _, _ = video
    rng = np.random.default_rng(1)
    for count in (2, 3, 8, 20, 50):
        indices = np.sort(rng.choice(FRAMES, count, replace=False)).tolist()
        assert [number_of(frame) for frame in opened.frames(indices)] == indices
    assert [number_of(frame) for frame in opened.frames([3, 3, 68, 68, 69])] == [3, 3, 68, 68, 69]
    assert list(opened.frames([])) == []


@pytest.mark.parametrize("cut", [8, 9, 10])
@pytest.mark.parametrize(
    "codec", [LONG_GOP, SHORT_GOP, OPEN_GOP, HEVC, MPEG4], ids=["long", "short", "open", "hevc", "mpeg4"]
)
def test_frames_removed_by_an_edit_list_do_not_count(tmp_path, codec, cut):
    stamps, tick = (np.arange(30) - cut) * 1000, Fraction(1, 30_000)
    opened = VideoFile(written(tmp_path / "cut.mp4", codec, stamps, tick, avoid_negative_ts="disabled"))
    np.testing.assert_allclose(opened.times, np.arange(30 - cut) / 30)
    assert [number_of(frame) for frame in opened.frames(range(30 - cut))] == list(range(cut, 30))
    assert [number_of(next(opened.frames([index]))) for index in range(30 - cut)] == list(range(cut, 30))


def test_colours_are_those_of_the_encoded_image(tmp_path):
    path = tmp_path / "colour.mp4"
    image = np.empty((96, 128, 3), dtype=np.uint8)
    image[:, :64], image[:, 64:] = (200, 40, 90), (30, 160, 220)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=30, options={"crf": "1", "x264-params": "log-level=none"}
        )
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    (decoded,) = VideoFile(path).frames([0])
    columns = np.r_[:56, 72:128]  # where the two colours meet, chroma at half resolution mixes them
    assert np.abs(decoded.astype(int) - image)[:, columns].max() <= 4


def test_a_cover_picture_is_not_a_video(tmp_path):
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        sound = silence(container)
        cover = container.add_stream("mjpeg", options={"strict": "unofficial"})
        cover.width, cover.height, cover.pix_fmt = 128, 96, "yuvj420p"
        cover.codec_context.time_base = Fraction(1, 30)
        cover.disposition = Disposition.attached_pic
        frame = av.VideoFrame.from_ndarray(picture(0), format="rgb24").reformat(format="yuvj420p")
        frame.pts, frame.time_base = 0, Fraction(1, 30)
        for packet in [*cover.encode(frame), *cover.encode(None), *sound]:
            container.mux(packet)
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1
    with pytest.raises(BadSceneError, match=r"song\.mp4: contains no video"):
        VideoFile(path)


def test_a_relative_path_with_a_colon_is_read_as_a_file(tmp_path, monkeypatch):
    written(tmp_path / "12:30.mp4", LONG_GOP, np.arange(3) * 3000, MICRO)
    monkeypatch.chdir(tmp_path)
    assert number_of(next(VideoFile(Path("12:30.mp4")).frames([2]))) == 2


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """The bytes of a video of 6 s in each container."""
    folder = tmp_path_factory.mktemp("complete")
    options = {"mp4": {}, "mkv": {}, "mov": {"movflags": "faststart"}}
    stamps = np.arange(60) * 9000
    return {
        kind: written(folder / f"video.{kind}", LONG_GOP, stamps, MICRO, **options[kind]).read_bytes()
        for kind in options
    }


@pytest.mark.parametrize("share", [0.0, 0.001, 0.05, 0.2, 0.4, 0.6, 0.75])
@pytest.mark.parametrize("kind", ["mp4", "mkv", "mov"])
def test_a_truncated_file_is_refused_in_one_line_with_its_path(tmp_path, complete, kind, share):
    path = tmp_path / f"short.{kind}"
    path.write_bytes(complete[kind][: int(len(complete[kind]) * share)])
    with pytest.raises(BadSceneError) as error:
        VideoFile(path)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)


def test_a_file_without_its_last_bytes_is_refused(tmp_path, complete):
    path = tmp_path / "short.mov"
    path.write_bytes(complete["mov"][:-5])
    with pytest.raises(BadSceneError, match=r"short\.mov: is truncated or damaged after 59 frames"):
        VideoFile(path)


@pytest.mark.parametrize("kind", ["mp4", "mkv", "mov"])
def test_a_complete_file_is_not_refused_as_truncated(tmp_path, complete, kind):
    path = tmp_path / f"complete.{kind}"
    path.write_bytes(complete[kind])
    assert len(VideoFile(path).times) == 60


def test_a_damaged_file_is_refused_or_has_the_right_number_of_frames(tmp_path, complete):
    rng = np.random.default_rng(2)
    for seed in range(20):
        data = np.frombuffer(complete["mov"], dtype=np.uint8).copy()
        start = int(rng.integers(len(data) // 10, len(data) - 300))
        data[start : start + 300] = rng.integers(0, 256, 300)
        path = tmp_path / f"damaged{seed}.mov"
        path.write_bytes(data.tobytes())
        try:
            opened = VideoFile(path)
            assert len(list(opened.frames(range(len(opened.times))))) == len(opened.times)
        except BadSceneError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)


def sound_only(path):
    with av.open(str(path), "w") as container:
        for packet in silence(container):
            container.mux(packet)


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"
UNREADABLE = "cannot be read as an mp4, mov or mkv video"
BROKEN = {
    "a text file": (lambda path: path.write_text("a video of a room\n" * 200), UNREADABLE),
    "an empty file": (lambda path: path.write_bytes(b""), UNREADABLE),
    "noise": (lambda path: path.write_bytes(np.random.default_rng(0).bytes(9999)), "cannot be read"),
    "a folder": (lambda path: path.mkdir(), "Is a directory"),
    "no file": (lambda path: None, "No such file or directory"),
    "sound only": (sound_only, "contains no video"),
    "a playlist": (lambda path: path.write_text(PLAYLIST), UNREADABLE),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_files_that_are_not_videos_are_refused_in_one_line_with_their_path(tmp_path, kind):
    write, reason = BROKEN[kind]
    path = tmp_path / "room.mp4"
    write(path)
    with pytest.raises(BadSceneError) as error:
        VideoFile(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and reason in message and "\n" not in message


def test_a_stream_without_an_index_is_refused(tmp_path):
    path = written(tmp_path / "room.ts", MPEG4, np.arange(30) * 1001, Fraction(1, 60_000))
    with pytest.raises(BadSceneError, match=r"room\.ts: cannot be read as an mp4, mov or mkv video"):
        VideoFile(path)
