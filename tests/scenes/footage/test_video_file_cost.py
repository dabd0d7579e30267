"""What seeking and holding frames costs."""

import subprocess
import sys
import time
from fractions import Fraction

import av

from lightning_ouro.scenes.footage.video_file import VideoFile

from .write_videos import (
    encoded,
    number_of,
)


def repeated(path, video, frames, times, size):
    """A long video for little work: its first frames are encoded, and stored over and over."""
    with av.open(str(path), "w") as container:
        stream, packets = encoded(container, *video, range(frames), Fraction(1, 30), size)
        for shift in range(0, frames * times, frames):
            for packet in packets:
                again = av.Packet(bytes(packet))
                again.pts, again.dts, again.time_base = (
                    packet.pts + shift,
                    packet.dts + shift,
                    packet.time_base,
                )
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
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.footage.recorded_footage import RecordedFootage
from lightning_ouro.scenes.footage.recording import Recording, Shots
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.scenes.footage.video_file import VideoFile


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
    assert [number_of(frame) for frame in opened.frames([0, 700, 1799])] == [
        place % GOP for place in (0, 700, 1799)
    ]
    ran = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    frames, shown, megabytes = ran.stdout.split()
    assert (int(frames), int(shown)) == (GOP * REPEATS, 32)
    assert float(megabytes) <= 64, f"{megabytes} MB"  # 49 to 55 measured
