"""The command line of the local stack: `python -m stack`."""

import sys

from stack.cli import main

sys.exit(main())
