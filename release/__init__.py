"""`make release`: builds what is published, twice, and tries it in clean environments."""
