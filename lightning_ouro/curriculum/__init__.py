"""What training has revealed about each question, and what follows from it for the next round.

`ledger` keeps confidences, `skill` corrects them for chance and sorts them into bands. Four things follow:
how often a question is drawn (`sampling`), how much it counts when it is (`loss_weights`), which families the
proposer is asked for (`mixture`), and what it is told about the last round (`feedback`). Nothing here knows
models or files.
"""
