"""The time that seeking takes, and the memory that decoding takes."""

import subprocess
import sys
import time
from fractions import Fraction

import av

from lightning_ouro.scenes.footage.video_file import VideoFile

from .write_videos import encoded, number_of


def repeated(path, codec, frames, times, size):
    """A long video that is written quickly: the packets of its first frames are stored many times."""
    with av.open(str(path), "w") as container:
        stream, packets = encoded(container, *codec, range(frames), Fraction(1, 30), size)
        for shift in range(0, frames * times, frames):
            for packet in packets:
                copy = av.Packet(bytes(packet))
                copy.pts, copy.dts = packet.pts + shift, packet.dts + shift
                copy.time_base = packet.time_base
                copy.is_keyframe, copy.stream = packet.is_keyframe, stream
                container.mux(copy)
    return VideoFile(path)


def test_a_frame_far_ahead_costs_no_more_than_its_own_gop(tmp_path):
    codec = ("libx264", {"x264-params": "keyint=20:bframes=3:scenecut=0:log-level=none"})
    opened = repeated(tmp_path / "long.mp4", codec, 20, 150, (96, 128))

    def seconds_for(indices):
        start = time.process_time()
        assert [number_of(frame) for frame in opened.frames(indices)] == [index % 20 for index in indices]
        return time.process_time() - start

    through_the_video = seconds_for(range(0, 3000, 9))
    assert seconds_for([0, 2999]) < through_the_video / 5
    assert seconds_for([5, 1500, 2980]) < through_the_video / 5


GOP, REPEATS = 15, 120  # a minute at 30 frames per second, of which half a second is encoded
MEASURE = """
import resource, sys
from pathlib import Path

import numpy as np

import lightning_ouro.scenes.readers
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.footage.recorded_footage import RecordedFootage
from lightning_ouro.scenes.footage.recording import Recording, Shares, Shots
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.scenes.footage.video_file import VideoFile


class Minute(Recording):
    def __init__(self, path):
        self.video = VideoFile(path)
        frames = len(self.video.times)
        pinhole = np.array([[1400.0, 0, 960], [0, 1400, 720], [0, 0, 1]])
        intrinsics, poses = np.tile(pinhole, (frames, 1, 1)), np.tile(np.eye(4), (frames, 1, 1))
        self.shots = Shots(self.video.times, intrinsics, poses, self.video.size)

    def images(self, frame_indices):
        return self.video.frames(frame_indices)

    def known_shares(self, frame_index):
        all_seen = np.full(len(SCENE.objects), 0.01, dtype=np.float32)
        return Shares(all_seen, all_seen)


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


SCENE = procedural_scene(0)
opened = Minute(Path(sys.argv[1]))
before = peak()
loaded = RecordedFootage(lambda scene: opened).load(SCENE, FrameBudget(32, 480, 640))
print(len(opened.video.times), len(loaded.frames), peak() - before - loaded.frames.nbytes / 2**20)
"""


def test_loading_32_frames_of_a_minute_of_1920_x_1440_needs_64_mb_extra(tmp_path):
    path = tmp_path / "minute.mp4"
    codec = ("libx264", {"x264-params": f"keyint={GOP}:bframes=3:scenecut=0:log-level=none"})
    opened = repeated(path, codec, GOP, REPEATS, (1440, 1920))
    indices = [0, 700, 1799]
    assert [number_of(frame) for frame in opened.frames(indices)] == [index % GOP for index in indices]
    ran = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    frames, loaded, megabytes = ran.stdout.split()
    assert (int(frames), int(loaded)) == (GOP * REPEATS, 32)
    assert float(megabytes) <= 64, f"{megabytes} MB"  # 49 to 55 measured
