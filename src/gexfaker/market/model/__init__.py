"""The model of the market: moves, quotes, open interest, trades, and the levels that follow from them."""
