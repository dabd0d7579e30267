"""What a proposer is asked, as text files: `full` for a model that was taught to follow instructions, `compact` for
the tiny one that ships with the package and was trained on just this."""
