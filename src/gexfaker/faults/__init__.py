"""Faults: what is broken on purpose for a key, by an ordered list of rules. Pure decisions."""
