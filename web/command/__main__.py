"""`python -m web.command` is `speech-dispatch`, for children that must run in this interpreter."""

import sys

from web.command.main import main

sys.exit(main())
