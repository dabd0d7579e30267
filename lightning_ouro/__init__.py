"""lightning_ouro: a vision-language model learns space by asking itself questions whose answers are computed.

Start at `cli.main`, then `loop.ClosedLoop`: it turns scenes into proposals, programs into questions,
questions into gradients, and confidences into what is asked next.
"""
