"""``python -m handlers`` is the command."""

import sys

from handlers.cli import main

sys.exit(main())
