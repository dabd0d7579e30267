"""Recordings on disk: videos, meshes, and which objects each frame shows."""
