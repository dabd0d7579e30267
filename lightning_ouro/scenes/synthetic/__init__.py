"""Synthetic scenes: procedural rooms, their furniture, camera walks through them, and the renderer."""
