"""Long work on files, with locks and resume: days are generated, payloads are prepared."""
