"""A small room in VSI-Bench's `meta_info` format, and questions about it in its format."""

import json

CHAIRS = "How many chair(s) are in this room?"
EASY = "If I am standing by the bed and facing the sofa, is the tv to the left or the right of the sofa?"
SIZE = "What is the length of the longest dimension (length, width, or height) of the {}, measured in centimeters?"
APART = "Measuring from the closest point of each object, what is the distance between the bed and the {} (in meters)?"
NEAREST = (
    "Measuring from the closest point of each object, which of these objects (tv, bed, chair, lamp) is the closest to "
    "the sofa?"
)
ROUTE = (
    "You are a robot beginning at the bed and facing the sofa. You want to navigate to the {}. You will perform the "
    "following actions (Note: for each [please fill in], choose either 'turn back,' 'turn left,' or 'turn right.'): "
    "1. [please fill in] 2. Go forward until the tv{}. You have reached the final destination."
)


def box(x, y, *size):
    upright = [1.0, 0, 0, 0, 1, 0, 0, 0, 1]
    return {"centroid": [x, y, size[2] / 2], "axesLengths": list(size), "normalizedAxes": upright}


ROOM = {
    "room_size": 40.04,
    "object_counts": {"bed": 1, "sofa": 1, "tv": 1, "chair": 3, "lamp": 1},
    "object_bbox": {
        "bed": [box(0, 0, 2, 1.6, 0.5)],
        "sofa": [box(0, 4, 2, 0.8, 0.8)],
        "tv": [box(-2, 3, 0.1, 1.2, 0.7)],
        "chair": [box(2, 2, 0.5, 0.5, 0.9), box(2, -2, 0.5, 0.5, 0.9)],
        "lamp": [box(-2, -2, 0.3, 0.3, 1.5)],
    },
}


def question(kind, text, truth, options=None, scene="room", dataset="hand", number=0):
    row = {"id": number, "dataset": dataset, "scene_name": scene, "question_type": kind, "question": text}
    return row | {"options": options, "ground_truth": truth}


def lettered(words):
    return [f"{letter}. {word}" for letter, word in zip("ABCD", words.split(), strict=False)]


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path
