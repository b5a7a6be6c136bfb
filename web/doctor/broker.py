"""Celery's broker: does it answer, and do messages pile up there."""

from scheduling.settings import Settings
from tasks.broker import is_rabbitmq
from tasks.configuration import make_app
from tasks.names import CONTROL, DRAIN
from tasks.wakeups import Wakeups
from web.command.redis_url import without_password
from web.doctor.finding import Findings, failed, ok, warning


def look_at_broker(settings: Settings) -> Findings:
    """Connect as a web process does, and ask for the queues' lengths."""
    kind = "RabbitMQ" if is_rabbitmq(settings.broker_url) else "Redis"
    place = without_password(settings.broker_url)
    wakeups = Wakeups(make_app(settings))
    try:
        full = [queue for queue in (CONTROL, DRAIN) if not wakeups.has_room(queue)]
    except Exception as error:  # noqa: BLE001  # brokers raise whatever their client raises
        yield failed(
            "broker",
            f"Celery's broker, {place}, does not answer: {error}",
            "Start it, or mend CELERY_BROKER_URL. Until then web processes do the workers' part.",
        )
        return
    finally:
        wakeups.close()
    if full:
        yield warning(
            "broker",
            f"{kind} answers, but 100 messages or more wait in {' and '.join(full)}.",
            "See that workers of that queue run and have the same broker.",
        )
    else:
        yield ok("broker", f"{kind} takes messages, and none pile up.")
