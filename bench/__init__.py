"""Benchmarks: ratios within one run, with their spread. `make bench`."""
