"""The REST API: which paths there are, and how their answers are made from records. Pure."""
