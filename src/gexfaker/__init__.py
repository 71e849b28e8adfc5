"""gexfaker: a local stand-in for the GexBot market-data API."""

__version__ = "0.1.0"
