"""Scenes that are generated: rooms, furniture, walks through them, and the renderer."""
