"""What `tests.patched` runs, where gevent has patched everything before anything else was imported."""

import warnings

warnings.simplefilter("error")

from gevent import monkey  # noqa: E402

monkey.patch_all()

from scheduling import scripts  # noqa: E402
from tests import patched  # noqa: E402
from tests.scheduling.store.cases import every, sentinel  # noqa: E402, F401  (to be there)

scripts.load_all()
main = patched.main
