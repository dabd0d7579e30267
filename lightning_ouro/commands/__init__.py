"""Commands that are not the Trainer's, one file each."""
