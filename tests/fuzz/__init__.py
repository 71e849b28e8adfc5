"""Mutated messages through every decoder and through the machine: ``python -m tests.fuzz [N]``."""
