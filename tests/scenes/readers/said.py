"""What is said of a broken scene: that it is refused, or what of it is left out."""

import warnings

from lightning_ouro.errors import BadSceneError, InputError


def said(call):
    """Whether the call refuses the scene, and the only line that it says: the error's or the warning's."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            call()
        except (BadSceneError, InputError) as problem:
            return True, str(problem)
    (warning,) = caught
    return False, str(warning.message)
