"""Several servers that are one: what they agree on, and how clients go from one to another."""
