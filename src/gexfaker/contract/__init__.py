"""The contract of the HTTP API: one OpenAPI document for all of it, and the page that shows it."""
