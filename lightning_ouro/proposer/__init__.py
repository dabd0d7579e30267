"""Proposers: who writes the questions and their programs. Independent of training; see README.md in this folder."""
