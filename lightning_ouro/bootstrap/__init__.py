"""How the tiny weights that ship with the package are made: lessons in seeing and in proposing."""
