"""Writes plain folders that have a video in place of images."""

import json
import struct
from fractions import Fraction

import av
import numpy as np
from scipy.spatial.transform import Rotation

from tests.scenes.footage.write_videos import LONG_GOP, OPEN_GOP, written

TICK = Fraction(1, 90_000)
SIZE = (96, 128)
LENS = [[100.0, 0.0, 64.0], [0.0, 100.0, 48.0], [0.0, 0.0, 1.0]]
TABLE = {"category": "table", "center": [1.0, 3.0, 0.4], "size": [1.5, 0.8, 0.8]}
CHAIR = {"category": "chair", "center": [0.2, 2.5, 0.45], "size": [0.5, 0.5, 0.9]}
SCENE = {"objects": [TABLE, CHAIR], "complete": ["table", "chair"], "floor_area": 16.0}
# The rows (a, b, u), (c, d, v) of a track's matrix by clockwise quarter turns, as ISO 14496-12 defines it and an
# iPhone that is held upright writes the second.
MATRICES = [(1, 0, 0, 0, 1, 0), (0, 1, 0, -1, 0, 0), (-1, 0, 0, 0, -1, 0), (0, -1, 0, 1, 0, 0)]
LEVEL = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # a camera that looks along y, z being up


def pose_at(time):
    """Where the camera is at some seconds: it goes to the right and turns to the left, both at an even pace."""
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec([0, 0, 0.1 * time]).as_matrix() @ LEVEL
    pose[:3, 3] = (0.2 + 0.2 * time, 0.0, 1.5)
    return pose


def entries(times, clock=lambda time: time):
    """Entries of frames.json at some seconds from the video's first frame; `clock` is the poses'."""
    return [{"time": clock(float(time)), "pose": pose_at(time).tolist()} for time in times]


def filmed(folder, frames, stamps, name="recording.mp4", codec=OPEN_GOP, size=SIZE, **more):
    """Writes a folder with a video whose frames show their number.

    Args:
        folder: The new folder.
        frames: The entries of frames.json.
        stamps: When the video's frames are shown, in ticks of 1/90000 s.
        name: The video's.
        codec: Of the video.
        size: Its height and width.
        more: Further fields of frames.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written(folder / name, codec, stamps, TICK, size)
    (folder / "scene.json").write_text(json.dumps(SCENE))
    record = {"video": name, "intrinsics": LENS, **more, "frames": frames}
    (folder / "frames.json").write_text(json.dumps(record))
    return folder


def even(seconds, rate=30):
    """The stamps of a video with an even rate."""
    return np.arange(round(seconds * rate)) * (90_000 // rate)


def change_record(folder, **fields):
    """Changes fields of frames.json; None removes one."""
    path = folder / "frames.json"
    record = {**json.loads(path.read_text()), **fields}
    path.write_text(json.dumps({name: value for name, value in record.items() if value is not None}))


def write_video(path, images, times, turns=0):
    """Writes images `(T, H, W, 3)` as they are shown at some seconds; stored so that a tag has to turn them."""
    stored = np.rot90(images, turns, axes=(1, 2))  # against the clock
    with av.open(str(path), "w") as container:
        stream = container.add_stream(LONG_GOP[0], options={**LONG_GOP[1], "crf": "5"})
        stream.height, stream.width, stream.pix_fmt = *stored.shape[1:3], "yuv420p"
        stream.time_base = stream.codec_context.time_base = TICK
        stream.codec_context.framerate = Fraction(30)
        packets = []
        for image, time in zip(stored, times, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = round(time * 90_000), TICK
            packets += stream.encode(frame)
        for packet in packets + stream.encode(None):
            container.mux(packet)
    if turns:
        tag(path, MATRICES[turns])
    return path


def tag(path, sides):
    """Writes the matrix of an mp4's track with the sides (a, b, u, c, d, v), as ISO 14496-12 lays out `tkhd`."""
    content = bytearray(path.read_bytes())
    begin = content.index(b"tkhd") + 4
    begin += 40 if content[begin] == 0 else 52
    content[begin : begin + 24] = struct.pack(">6i", *(round(side * (1 << 16)) for side in sides))
    path.write_bytes(content)
