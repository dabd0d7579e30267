"""What frames show if the lens is a little longer or shorter than its file says.

Intrinsics of a picture that was shrunk by a tenth, or of another camera of the same kind, look right. Then what lies at
a picture's border is in it or not, and measured points lie beside their boxes: an object is first seen in another
frame. Where nothing tells how long the lens is, what is shown with one lens and not with the other is neither seen nor
absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.scenes.footage.recording import Recording
from lightning_ouro.scenes.footage.visibility import visible_shares
from lightning_ouro.scenes.types import VISIBLE, Scene

Shares = NDArray[np.float32]


def with_slack(
    scene: Scene, recording: Recording, indices: Sequence[int], certain: Shares, possible: Shares
) -> tuple[Shares, Shares]:
    """The shares that objects fill for certain and at most, with any lens within the recording's slack.

    What all of these lenses show keeps its share.

    Args:
        scene: The scene.
        recording: Its recording, whose lens may be off by `lens_slack`.
        indices: The `T` frames.
        certain: `(T, objects)` shares with the lens as given.
        possible: The same at most.
    """
    shots = recording.shots
    low, high = certain, possible
    for factor in (1 + recording.lens_slack, 1 / (1 + recording.lens_slack)):
        lenses = shots.intrinsics * np.array([[factor, 1, 1], [1, factor, 1], [1, 1, 1]])
        recording.shots = replace(shots, intrinsics=lenses)
        try:
            shown = visible_shares(scene, recording, indices)
        finally:
            recording.shots = shots
        low = np.minimum(low, [one.certain for one in shown])
        high = np.maximum(high, [one.possible for one in shown])
    return np.where(low < VISIBLE, low, certain).astype(np.float32), high.astype(np.float32)
