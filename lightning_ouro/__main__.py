"""`python -m lightning_ouro`."""

from lightning_ouro.cli import main

if __name__ == "__main__":
    main()
