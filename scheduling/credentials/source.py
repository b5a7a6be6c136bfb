"""Where the credentials come from, and noticing that they were changed."""

import logging
from pathlib import Path

from scheduling.credentials.book import CredentialBook, empty_book, read_book
from scheduling.credentials.refusal import BadCredentials
from scheduling.networks import is_loopback
from scheduling.settings import Settings

_log = logging.getLogger(__name__)

_HOW = (
    "`speech-dispatch token make --role node --static --file credentials.toml` makes one and the file; "
    "set CREDENTIALS_FILE to it, or CREDENTIALS to what is in it (docs/security.md)."
)
_OPEN = (
    "Listening on {host}, other machines could enter, and no credentials are configured. "
    + _HOW
    + " Or name whom you trust in TRUSTED_NETWORKS, or listen on 127.0.0.1."
)

#: Modification time (ns), size and inode of each file read.
_State = tuple[tuple[str, int, int, int], ...]


class CredentialSource:
    """Reads ``CREDENTIALS_FILE`` or ``CREDENTIALS``. Raises `BadCredentials` when made, if they are wrong."""

    def __init__(self, settings: Settings) -> None:
        self._path = Path(settings.credentials_file) if settings.credentials_file else None
        self.book = self._read_file() if self._path else _inline(settings.credentials)
        self._seen: _State = ()  # read once more at the first look: it may have changed meanwhile

    def reload(self) -> bool:
        """Read the file anew if it was changed; True when what is accepted is another now.

        A file that is wrong is told of in the log, once, and the credentials stay as they were.
        """
        state = self._state()
        if self._path is None or state == self._seen:
            return False
        self._seen = state
        try:
            book = self._read_file()
        except BadCredentials as error:
            _log.warning("the credentials stay as they were: %s", error)
            return False
        if not book:
            _log.warning("the credentials stay as they were: the file is empty; stop the server to open it")
            return False
        changed, self.book = book != self.book, book
        if changed:
            _log.info("credentials were read anew: %s", summary(book))
        return changed

    def _read_file(self) -> CredentialBook:
        assert self._path is not None
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8"
            raise BadCredentials(f"CREDENTIALS_FILE ({self._path}) cannot be read: {why}.") from None
        return read_book(text, self._path.parent)

    def _state(self) -> _State:
        """Look at the file, at those its keys were read from, and at all beside it that may hold one."""
        if self._path is None:
            return ()
        places = sorted({self._path, *self.book.files, *self._path.parent.glob("*.pem")})
        found = []
        for place in places:
            try:
                stat = place.stat()
            except OSError:
                continue
            found.append((str(place), stat.st_mtime_ns, stat.st_size, stat.st_ino))
        return tuple(found)


def require_closed(settings: Settings, host: str) -> None:
    """Raise `BadCredentials` unless only who may can reach a web process that listens on this host.

    Credentials that cannot be read are told of here too, before anything is started.
    """
    book = CredentialSource(settings).book
    if is_loopback(host):
        return
    if not settings.has_credentials:
        raise BadCredentials(_OPEN.format(host=host))
    if not book and not settings.networks:
        raise BadCredentials("There is no key, token or path secret in the credentials yet. " + _HOW)


def _inline(text: str) -> CredentialBook:
    return read_book(text, Path()) if text else empty_book()


def summary(book: CredentialBook) -> str:
    """Say how much a book holds."""
    return f"{len(book.keys)} keys, {len(book.tokens)} tokens, {len(book.path_secrets)} path secrets"
