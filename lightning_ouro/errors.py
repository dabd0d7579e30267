"""What a person has to mend.

`InputError` is the one vocabulary for bad input: files, configs, checkpoints. Its message is one line that says what
was wrong, where (file, field, scene), and what to do; `cli.main` prints it without a traceback. What a *model* wrote
wrong is never an exception: it is a `Rejection` with a reason. Broken invariants of our own code are `assert`s.
"""


class InputError(ValueError):
    """Input that a person has to mend; the message says what, where and how."""
