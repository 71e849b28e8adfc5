"""`python -m gexfaker`."""

from gexfaker.cli.main import main

main()
