"""The Celery app of a worker, of beat and of Flower: ``celery -A tasks.app:app``."""

import warnings

from celery.exceptions import SecurityWarning

from scheduling.settings import get_settings
from tasks.configuration import make_app

# It warns those who run workers as root, as containers do, of pickled messages; ours are JSON only.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = make_app(get_settings())
#: By name, as only a worker may import it: Flower and beat work on nothing.
app.Task.Request = "tasks.metering:CountedRequest"
