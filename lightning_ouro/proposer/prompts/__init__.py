"""The words of prompts: `full` for a model that follows instructions, `compact` for the tiny one that ships."""
