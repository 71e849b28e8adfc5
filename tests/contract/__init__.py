"""The contract: the document, the page, and whether the server keeps it."""
