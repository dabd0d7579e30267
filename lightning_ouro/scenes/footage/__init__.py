"""Recordings on disk: videos, meshes, and which objects a frame shows."""
