"""Scenes: types, readers, procedural scenes, the renderer. Knows nothing of what stands above it."""
