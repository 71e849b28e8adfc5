"""Simulated market days: tapes that need no data, the same for everybody who uses the same seed.

    factors -> underlying -> chain -> strip, edges -> ledger -> majors, board -> feeds -> tape

Moves make spot; a chain is what is listed, quoted (surface), held (interest) and traded (books); a strip is an expiry's
values by strike for a minute; the ledger keeps them for look-backs; levels, sums and records follow from it.
``simulation.Market`` puts them together; ``scenario`` says what happens on the day, ``shape`` carries it to the model.
Arithmetic that reaches a record is exact or IEEE-rounded (``exact``, ``hashing``), never the C library's.
"""
