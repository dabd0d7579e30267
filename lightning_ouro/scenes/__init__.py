"""Scenes: types, readers of data sets, synthetic rooms and their renderer; imports nothing from above."""
