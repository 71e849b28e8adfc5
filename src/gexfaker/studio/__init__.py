"""The studio: a page that shows the market of a key, steers it, and shows what its clients do."""
