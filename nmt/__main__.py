"""`python -m nmt` is the command line."""

from nmt.cli.app import main

main()
