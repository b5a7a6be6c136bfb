"""Scripts made for the tests, not files of ``lua/``."""

from hashlib import sha1

from scheduling.scripts import Script


def sample(name: str, source: str) -> Script:
    """Make a script of a text, every line of which counts as of ``<name>.lua``."""
    digest = sha1(source.encode(), usedforsecurity=False).hexdigest()
    origins = tuple(f"{name}.lua:{line}" for line in range(1, source.count("\n") + 2))
    return Script(name, f"{name}.", (), (), True, source, digest, origins)


ECHO = sample("echo", "return ARGV[1]")
TYPES = sample("types", "return {1, 'two', false, {'three', {}}}")
ONCE = sample("once", "redis.call('SADD', KEYS[1], ARGV[1])\nreturn redis.call('SCARD', KEYS[1])")
"""Safe to run twice, as all of ours are."""
COUNT = sample("count", "return redis.call('INCR', KEYS[1])")
"""Not safe to run twice: shows how often a script ran."""
FAILS = sample("fails", "local nothing = nil\nreturn nothing.field")
BROKEN = sample("broken", "return return")
SPIN = sample("spin", "while true do end")
