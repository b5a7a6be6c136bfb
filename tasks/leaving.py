"""How long the child of a worker that ends waits for somebody to read what it said last.

When it stops, Celery forgets tasks that were given to a child and not taken up yet, and reads nothing of the
child any more. The child does the task all the same, and waits for its result to be read: 30 s unless told
otherwise, after which platforms have killed. Its message comes again, and finds the work done in the ledger.
"""

from billiard import pool

_PATIENCE_S = 2.0

pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = round(
    _PATIENCE_S / pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_INTERVAL
)
