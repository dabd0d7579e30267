"""Trains the tiny model that ships with the package, with lessons in seeing and in proposing."""
