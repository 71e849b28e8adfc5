"""The shape of every record, once: keys and their order, decimals, scale on the wire, what may be missing."""
