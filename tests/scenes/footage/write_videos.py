"""Writes videos whose frames show their index as a pattern of squares."""

from fractions import Fraction

import av
import numpy as np

ROWS, COLUMNS = 3, 4  # of squares, each of which is a bit of the frame's index
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
# Makes FFmpeg miss key frames when seeking.
JUMPY = np.cumsum(np.random.default_rng(2).integers(20, 20_000, FRAMES))


def picture(number, height=96, width=128):
    """An image of large dark and bright squares that encode a number below 4096."""
    bits = (number >> np.arange(ROWS * COLUMNS)) & 1
    squares = np.where(bits.reshape(ROWS, COLUMNS) == 1, 220, 35).astype(np.uint8)
    grey = squares[np.arange(height) * ROWS // height][:, np.arange(width) * COLUMNS // width]
    return np.repeat(grey[..., None], 3, axis=2)


def number_of(image):
    """The number that an image encodes."""
    height, width = image.shape[:2]
    rows, columns = (
        (2 * np.arange(count) + 1) * side // (2 * count) for count, side in ((ROWS, height), (COLUMNS, width))
    )
    bits = image[np.ix_(rows, columns)].mean(axis=2).ravel() > 128
    return int((bits << np.arange(ROWS * COLUMNS)).sum())


def encoded(container, codec, options, stamps, tick, size):
    """A new stream of a container, and its packets; `tick` is the unit of the timestamps in seconds."""
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


def written(path, codec, stamps, tick, size=(96, 128), **muxing):
    """Writes a video, and returns its path."""
    with av.open(str(path), "w", options=muxing) as container:
        for packet in encoded(container, *codec, stamps, tick, size)[1]:
            container.mux(packet)
    return path
