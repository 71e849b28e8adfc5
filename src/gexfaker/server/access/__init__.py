"""The access log: what clients do, in words, and which of it is a line."""
