"""Makes the weights of the tiny model that ships with the package, from lessons in seeing and in proposing."""
