"""The Celery app of a worker, of beat and of Flower: ``celery -A tasks.app:app``."""

from scheduling.settings import get_settings
from tasks.configuration import make_app

app = make_app(get_settings())
