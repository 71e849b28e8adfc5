"""A day as pictures: what is read of its tapes, the series made of it, and their drawing. Needs gexfaker[plot]."""
