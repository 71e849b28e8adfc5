"""Arithmetic that gives the same bytes on every machine: exact functions, hashes, noise, greeks."""
