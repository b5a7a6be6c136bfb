"""Light load generators, each a process of its own: raw sockets, epoll, frames made beforehand.

An asyncio client spends about as much on a message as the server under test, and both share two cores here.
These spend a fraction of that, and say how much it was; `bench.load.relay` shows what they could do at most.
"""
