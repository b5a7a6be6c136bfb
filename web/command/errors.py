"""What a command tells its user when it cannot go on.

CommandError            a sentence and an exit code
  RedisUrlMissing       no REDIS_URL where one is needed (exit code 2)
  RedisSilent           the server REDIS_URL names does not answer
  PortInUse             another program listens where one of ours should
  BadAddress            no port, or an address that is not this machine's (exit code 2)
  FolderInUse           another stack keeps its data in the same folder
  StackFailed           a supervised process could not be started, kept or made ready
  DemoFailed            the demo ran but did not do what it promises
  SimulationFailed      a simulation could not be carried out
"""

#: Exit code of a wrong invocation, as argparse has it; starting the same again cannot help.
USAGE = 2


class CommandError(Exception):
    """Base of all: `str(error)` is a sentence for the user, `exit_code` what the process ends with."""

    exit_code = 1


class RedisUrlMissing(CommandError):
    """No `REDIS_URL`, for a process that shares its state with others through it."""

    exit_code = USAGE

    def __init__(self, command: str) -> None:
        super().__init__(
            f"`speech-dispatch {command}` needs REDIS_URL, the Redis or Valkey server that all processes "
            f"share, for example REDIS_URL=redis://127.0.0.1:6379/0 (rediss:// for TLS).\n"
            f"To try everything on this machine with an embedded server, run `speech-dispatch up`."
        )


class RedisSilent(CommandError):
    """The server named by `REDIS_URL` cannot be reached or refuses us."""


class PortInUse(CommandError):
    """Another program listens on a port that one of our processes needs."""

    def __init__(self, host: str, port: int, purpose: str, option: str) -> None:
        super().__init__(
            f"Port {port} on {host}, meant for {purpose}, is in use by another program: "
            f"stop that program, or choose another port with {option}."
        )


class BadAddress(CommandError):
    """What should be listened on is no port, or no address of this machine."""

    exit_code = USAGE


class FolderInUse(CommandError):
    """Two stacks must not write one append-only file."""


class StackFailed(CommandError):
    """A supervised process could not be started, ended too often, or did not become ready."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class DemoFailed(CommandError):
    """The demo's client failed, or a process logged an error."""


class SimulationFailed(CommandError):
    """A simulation could not be carried out."""
