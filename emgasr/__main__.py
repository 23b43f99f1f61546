"""`python -m emgasr`: the command line without its installed script."""

import sys

from emgasr.cli import main

if __name__ == "__main__":
    sys.exit(main())
