"""Simulated market days: tapes that need no data, the same for everybody who uses the same seed."""
