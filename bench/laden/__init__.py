"""The bare path with the load that promises bring: what a path that keeps them could reach here.

Its loop, outbox, Celery and handlers are those of `bench.bare`; sockets and link are ours, which take less.
Added is what cannot be left out where there are promises: an utterance's records, the reading of its messages
by their models, and all that the protocol has a client be told, its result formatted by the worker. There are
two of it:

- ``recorded``: the commands of our scripts word for word, and no decision between them (`bench/floor.py`);
  its web process gives jobs to nodes by turns. No path with these records carries more.
- ``deciding``: our scripts themselves. Left out is all else that our processes do: to admit, to keep to
  limits, to recover, to deliver in order and once, to count, to tell operators.

What its handlers share with the bare ones stands in both: those are frozen.
"""
