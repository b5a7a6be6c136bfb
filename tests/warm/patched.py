"""What `tests.patched` runs, where gevent has patched everything before anything else was imported."""

import warnings
from importlib import import_module

warnings.simplefilter("error")

from gevent import monkey  # noqa: E402

monkey.patch_all()

from scheduling import scripts  # noqa: E402
from tests import patched  # noqa: E402

for _cases in ("every", "sentinel"):
    import_module(f"tests.scheduling.store.cases.{_cases}")
scripts.load_all()
main = patched.main
