"""Commands: arguments in, calls out."""
