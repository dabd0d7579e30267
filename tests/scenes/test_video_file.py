import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from lightning_ouro.scenes.readers.files import BadSceneError
from lightning_ouro.scenes.video_file import VideoFile

ROWS, COLUMNS = 3, 4  # squares; each is a bit of the frame's number
MICRO = Fraction(1, 90_000)
LONG_GOP = ("libx264", {"x264-params": "keyint=250:bframes=3:b-adapt=0:scenecut=0:log-level=none"})
OPEN_GOP = ("libx264", {"x264-params": "keyint=30:bframes=3:open-gop=1:scenecut=0:log-level=none"})
SHORT_GOP = (
    "libx264",
    {"x264-params": "keyint=3:min-keyint=1:bframes=3:b-adapt=0:open-gop=1:scenecut=0:log-level=none"},
)
HEVC = ("libx265", {"x265-params": "keyint=20:bframes=4:open-gop=1:log-level=none", "preset": "ultrafast"})
MPEG4 = ("mpeg4", {"bf": "2", "g": "25"})
FRAMES = 70
IRREGULAR = np.cumsum(np.random.default_rng(0).integers(400, 6000, FRAMES))
JUMPY = np.cumsum(np.random.default_rng(2).integers(20, 20_000, FRAMES))  # FFmpeg misses the key frames that it seeks


def picture(number, height=96, width=128):
    """Large dark and bright squares that say a number below 4096."""
    bits = (number >> np.arange(ROWS * COLUMNS)) & 1
    squares = np.where(bits.reshape(ROWS, COLUMNS) == 1, 220, 35).astype(np.uint8)
    grey = squares[np.arange(height) * ROWS // height][:, np.arange(width) * COLUMNS // width]
    return np.repeat(grey[..., None], 3, axis=2)


def number_of(image):
    height, width = image.shape[:2]
    rows, columns = (
        (2 * np.arange(count) + 1) * side // (2 * count) for count, side in ((ROWS, height), (COLUMNS, width))
    )
    bits = image[np.ix_(rows, columns)].mean(axis=2).ravel() > 128
    return int((bits << np.arange(ROWS * COLUMNS)).sum())


def encoded(container, codec, options, stamps, tick, size):
    height, width = size
    stream = container.add_stream(codec, options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.time_base = stream.codec_context.time_base = tick
    stream.codec_context.framerate = Fraction(30)
    packets = []
    for number, stamp in enumerate(stamps):
        frame = av.VideoFrame.from_ndarray(picture(number, height, width), format="rgb24")
        frame.pts, frame.time_base = int(stamp), tick
        packets += stream.encode(frame)
    return stream, packets + stream.encode(None)


def written(path, video, stamps, tick, size=(96, 128), **muxing):
    with av.open(str(path), "w", options=muxing) as container:
        for packet in encoded(container, *video, stamps, tick, size)[1]:
            container.mux(packet)
    return path


def silence(container):
    stream = container.add_stream("aac", rate=16_000, layout="mono")
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.pts = 16_000, 0
    return [*stream.encode(frame), *stream.encode(None)]


VIDEOS = {
    "h264 in mp4, long GOP": ("mp4", LONG_GOP, np.arange(FRAMES) * 3000, MICRO, (96, 128)),
    "h264 in mkv, long GOP": ("mkv", LONG_GOP, np.arange(FRAMES) * 3000, MICRO, (96, 128)),
    "h264 in mp4, open GOPs, 60.02 fps": ("mp4", OPEN_GOP, np.arange(FRAMES) * 50, Fraction(1, 3001), (96, 128)),
    "h264 in mkv, open GOPs, 59.94 fps": ("mkv", OPEN_GOP, np.arange(FRAMES) * 1001, Fraction(1, 60_000), (96, 128)),
    "h264 in mp4, open GOPs, variable rate": ("mp4", OPEN_GOP, IRREGULAR, MICRO, (96, 128)),
    "h264 in mp4, short GOPs, jumpy": ("mp4", SHORT_GOP, JUMPY, MICRO, (96, 128)),
    "h264 in mkv, variable rate": ("mkv", OPEN_GOP, IRREGULAR, MICRO, (96, 128)),
    "h264 in mp4, starts at 10 s": ("mp4", OPEN_GOP, IRREGULAR + 900_000, MICRO, (96, 128)),
    "h264 in mkv, starts at 10 s": ("mkv", LONG_GOP, IRREGULAR + 900_000, MICRO, (96, 128)),
    "h264 in mp4, portrait": ("mp4", OPEN_GOP, np.arange(FRAMES) * 3000, MICRO, (160, 96)),
    "hevc in mov, open GOPs, 60.02 fps": ("mov", HEVC, np.arange(FRAMES) * 50, Fraction(1, 3001), (96, 128)),
    "mpeg4 in mp4, B-frames, 59.94 fps": ("mp4", MPEG4, np.arange(FRAMES) * 1001, Fraction(1, 60_000), (96, 128)),
    "mpeg4 in mkv, B-frames": ("mkv", MPEG4, np.arange(FRAMES) * 1001, Fraction(1, 60_000), (96, 128)),
}


@pytest.fixture(scope="module", params=VIDEOS)
def video(request, tmp_path_factory):
    """An opened video, the seconds at which its frames were written, and their height and width."""
    kind, codec, stamps, tick, size = VIDEOS[request.param]
    path = written(tmp_path_factory.mktemp("video") / f"video.{kind}", codec, stamps, tick, size)
    return VideoFile(path), (stamps - stamps[0]) * float(tick), size


def test_times_are_those_that_were_written(video):
    opened, seconds, size = video
    # Matroska counts milliseconds: both the frame and the start that it is counted from are rounded.
    np.testing.assert_allclose(opened.times, seconds, rtol=0, atol=1e-3 if opened.path.suffix == ".mkv" else 1e-9)
    assert opened.times[0] == 0 and opened.size == size


def test_all_frames_in_a_row_are_those_asked_for(video):
    opened, seconds, size = video
    frames = list(opened.frames(range(len(seconds))))
    assert [number_of(frame) for frame in frames] == list(range(FRAMES))
    assert {(frame.shape, frame.dtype) for frame in frames} == {((*size, 3), np.dtype(np.uint8))}


def test_every_frame_by_itself_is_the_one_asked_for(video):
    opened, _, _ = video
    assert [number_of(next(opened.frames([place]))) for place in range(FRAMES)] == list(range(FRAMES))


def test_rising_lists_with_gaps_give_the_frames_asked_for(video):
    opened, _, _ = video
    rng = np.random.default_rng(1)
    for count in (2, 3, 8, 20, 50):
        places = np.sort(rng.choice(FRAMES, count, replace=False)).tolist()
        assert [number_of(frame) for frame in opened.frames(places)] == places
    assert [number_of(frame) for frame in opened.frames([3, 3, 68, 68, 69])] == [3, 3, 68, 68, 69]
    assert list(opened.frames([])) == []


@pytest.mark.parametrize("cut", [8, 9, 10])
@pytest.mark.parametrize(
    "codec", [LONG_GOP, SHORT_GOP, OPEN_GOP, HEVC, MPEG4], ids=["long", "short", "open", "hevc", "mpeg4"]
)
def test_frames_that_an_edit_list_cuts_off_at_the_start_are_not_there(tmp_path, codec, cut):
    stamps, tick = (np.arange(30) - cut) * 1000, Fraction(1, 30_000)
    opened = VideoFile(written(tmp_path / "cut.mp4", codec, stamps, tick, avoid_negative_ts="disabled"))
    np.testing.assert_allclose(opened.times, np.arange(30 - cut) / 30)
    assert [number_of(frame) for frame in opened.frames(range(30 - cut))] == list(range(cut, 30))
    assert [number_of(next(opened.frames([place]))) for place in range(30 - cut)] == list(range(cut, 30))


def test_colours_are_those_of_the_picture(tmp_path):
    path = tmp_path / "colour.mp4"
    image = np.empty((96, 128, 3), dtype=np.uint8)
    image[:, :64], image[:, 64:] = (200, 40, 90), (30, 160, 220)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "1", "x264-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    (found,) = VideoFile(path).frames([0])
    off_the_edge = np.r_[:56, 72:128]  # where the two colours meet, chroma of half the size mixes them
    assert np.abs(found.astype(int) - image)[:, off_the_edge].max() <= 4


def test_a_cover_picture_is_no_video(tmp_path):
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
    with pytest.raises(BadSceneError, match=r"song\.mp4: holds no video"):
        VideoFile(path)


def test_a_relative_path_with_a_colon_is_a_file(tmp_path, monkeypatch):
    written(tmp_path / "12:30.mp4", LONG_GOP, np.arange(3) * 3000, MICRO)
    monkeypatch.chdir(tmp_path)
    assert number_of(next(VideoFile(Path("12:30.mp4")).frames([2]))) == 2


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A video of 6 s by the way it was written."""
    folder = tmp_path_factory.mktemp("whole")
    ways = {"mp4": {}, "mkv": {}, "mov": {"movflags": "faststart"}}
    return {
        kind: written(folder / f"whole.{kind}", LONG_GOP, np.arange(60) * 9000, MICRO, **ways[kind]).read_bytes()
        for kind in ways
    }


@pytest.mark.parametrize("share", [0.0, 0.001, 0.05, 0.2, 0.4, 0.6, 0.75])
@pytest.mark.parametrize("kind", ["mp4", "mkv", "mov"])
def test_a_truncated_file_is_refused_in_one_line_with_its_path(tmp_path, whole, kind, share):
    path = tmp_path / f"short.{kind}"
    path.write_bytes(whole[kind][: int(len(whole[kind]) * share)])
    with pytest.raises(BadSceneError) as error:
        VideoFile(path)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)


def test_a_file_of_which_the_last_bytes_are_missing_is_refused(tmp_path, whole):
    path = tmp_path / "short.mov"
    path.write_bytes(whole["mov"][:-5])
    with pytest.raises(BadSceneError, match=r"short\.mov: is cut off or damaged after 59 frames"):
        VideoFile(path)


@pytest.mark.parametrize("kind", ["mp4", "mkv", "mov"])
def test_a_whole_file_is_not_taken_for_a_truncated_one(tmp_path, whole, kind):
    path = tmp_path / f"whole.{kind}"
    path.write_bytes(whole[kind])
    assert len(VideoFile(path).times) == 60


def test_damage_in_the_middle_is_one_line_or_still_the_right_number_of_frames(tmp_path, whole):
    rng = np.random.default_rng(2)
    for seed in range(20):
        data = np.frombuffer(whole["mov"], dtype=np.uint8).copy()
        start = int(rng.integers(len(data) // 10, len(data) - 300))
        data[start : start + 300] = rng.integers(0, 256, 300)
        path = tmp_path / f"damaged{seed}.mov"
        path.write_bytes(data.tobytes())
        try:
            opened = VideoFile(path)
            assert len(list(opened.frames(range(len(opened.times))))) == len(opened.times)
        except BadSceneError as problem:
            assert str(problem).startswith(f"{path}: ") and "\n" not in str(problem)


def sound_only(path):
    with av.open(str(path), "w") as container:
        for packet in silence(container):
            container.mux(packet)


BROKEN = {
    "a text": (lambda path: path.write_text("a video of a room\n" * 200), "cannot be read as an mp4, mov or mkv video"),
    "an empty file": (lambda path: path.write_bytes(b""), "cannot be read as an mp4, mov or mkv video"),
    "noise": (lambda path: path.write_bytes(np.random.default_rng(0).bytes(9999)), "cannot be read"),
    "a folder": (lambda path: path.mkdir(), "Is a directory"),
    "nothing": (lambda path: None, "No such file or directory"),
    "sound": (sound_only, "holds no video"),
    "a playlist": (
        lambda path: path.write_text(
            "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"
        ),
        "cannot be read as an mp4, mov or mkv video",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_no_video_is_refused_in_one_line_with_its_path(tmp_path, what):
    write, words = BROKEN[what]
    path = tmp_path / "room.mp4"
    write(path)
    with pytest.raises(BadSceneError) as error:
        VideoFile(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and words in message and "\n" not in message


def test_a_stream_without_an_index_is_refused(tmp_path):
    path = written(tmp_path / "room.ts", MPEG4, np.arange(30) * 1001, Fraction(1, 60_000))
    with pytest.raises(BadSceneError, match=r"room\.ts: cannot be read as an mp4, mov or mkv video"):
        VideoFile(path)


def repeated(path, video, frames, times, size):
    """A long video for little work: its first frames are encoded, and stored over and over."""
    with av.open(str(path), "w") as container:
        stream, packets = encoded(container, *video, range(frames), Fraction(1, 30), size)
        for shift in range(0, frames * times, frames):
            for packet in packets:
                again = av.Packet(bytes(packet))
                again.pts, again.dts, again.time_base = packet.pts + shift, packet.dts + shift, packet.time_base
                again.is_keyframe, again.stream = packet.is_keyframe, stream
                container.mux(again)
    return VideoFile(path)


def test_a_frame_far_ahead_costs_no_more_than_its_own_gop(tmp_path):
    codec = ("libx264", {"x264-params": "keyint=20:bframes=3:scenecut=0:log-level=none"})
    opened = repeated(tmp_path / "long.mp4", codec, 20, 150, (96, 128))

    def seconds(places):
        start = time.process_time()
        assert [number_of(frame) for frame in opened.frames(places)] == [place % 20 for place in places]
        return time.process_time() - start

    every = seconds(range(0, 3000, 9))
    assert seconds([0, 2999]) < every / 5
    assert seconds([5, 1500, 2980]) < every / 5


GOP, REPEATS = 15, 120  # a minute at 30 frames a second, of which only half a second is encoded
MEASURE = """
import resource, sys
from pathlib import Path

import numpy as np

import lightning_ouro.scenes.readers
from lightning_ouro.scenes.procedural import procedural_scene
from lightning_ouro.scenes.recording import RecordedFootage, Recording, Shots
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.scenes.video_file import VideoFile


class Minute(Recording):
    def __init__(self, path):
        self.video = VideoFile(path)
        frames = len(self.video.times)
        pinhole = np.array([[1400.0, 0, 960], [0, 1400, 720], [0, 0, 1]])
        every = (np.tile(pinhole, (frames, 1, 1)), np.tile(np.eye(4), (frames, 1, 1)))
        self.shots = Shots(self.video.times, *every, self.video.size)

    def images(self, places):
        return self.video.frames(places)

    def known_shares(self, place):
        return np.zeros(len(SCENE.objects), dtype=np.float32)


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


SCENE = procedural_scene(0)
opened = Minute(Path(sys.argv[1]))
before = peak()
shown = RecordedFootage(lambda scene: opened).load(SCENE, FrameBudget(32, 480, 640))
print(len(opened.video.times), len(shown.frames), peak() - before - shown.frames.nbytes / 2**20)
"""


def test_32_frames_of_a_minute_of_1920_x_1440_need_64_mb_besides_themselves(tmp_path):
    path = tmp_path / "minute.mp4"
    codec = ("libx264", {"x264-params": f"keyint={GOP}:bframes=3:scenecut=0:log-level=none"})
    opened = repeated(path, codec, GOP, REPEATS, (1440, 1920))
    assert [number_of(frame) for frame in opened.frames([0, 700, 1799])] == [place % GOP for place in (0, 700, 1799)]
    ran = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    frames, shown, megabytes = ran.stdout.split()
    assert (int(frames), int(shown)) == (GOP * REPEATS, 32)
    assert float(megabytes) <= 64, f"{megabytes} MB"  # 49 to 55 measured
