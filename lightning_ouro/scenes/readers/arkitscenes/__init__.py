"""ARKitScenes."""
