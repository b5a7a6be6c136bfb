"""Real proxies with the files of `deploy/`, on free ports and without TLS, before web processes of tests."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.stack import ROOT, wait_until
from tests.valkey import free_port
from web.doctor.http import look_at_url

_DEPLOY = ROOT / "deploy"
#: Folders of nginx that Debian's has below /var.
_NGINX_FOLDERS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def nginx(folder: Path, port: int, webs: tuple[int, int]) -> list[str]:
    """Write down our site for nginx; gives the command that serves it."""
    site = (_DEPLOY / "nginx" / "speech-dispatch.conf").read_text(encoding="utf-8")
    site = re.sub(r"^.*(ssl_|http2).*\n", "", site, flags=re.MULTILINE)
    site = site.replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
    site = site.replace("/var/log/nginx", str(folder))
    (folder / "site.conf").write_text(_before(site, webs), encoding="utf-8")
    folders = "".join(f"{name}_temp_path {folder}/{name};" for name in _NGINX_FOLDERS)
    main = f"pid {folder}/pid; daemon off; events {{}} http {{ {folders} include {folder}/site.conf; }}"
    # Without a master it does not become another user, who may not write here.
    (folder / "nginx.conf").write_text(f"master_process off; {main}", encoding="utf-8")
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "errors")]


def caddy(folder: Path, port: int, webs: tuple[int, int]) -> list[str]:
    """Write down our site for Caddy, as its version wants it; gives the command that serves it."""
    site = (_DEPLOY / "caddy" / "Caddyfile").read_text(encoding="utf-8")
    if caddy_version() < (2, 7):
        site = re.sub(r"^\s*stream_close_delay .*\n", "", site, flags=re.MULTILINE)
    site = site.replace("speech.example", f"http://127.0.0.1:{port}")
    own = "{\n\tadmin off\n\tauto_https off\n}\n"
    (folder / "Caddyfile").write_text(own + _before(site, webs), encoding="utf-8")
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def caddy_version() -> tuple[int, ...]:
    """Give the version of the Caddy that is installed."""
    said = subprocess.run(["caddy", "version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, re.findall(r"\d+", said)[:2]))


def _before(site: str, webs: tuple[int, int]) -> str:
    """Put the ports of web processes in place of those of the file, which must be there."""
    for stated, port in zip((5010, 5011), webs, strict=True):
        assert f"127.0.0.1:{stated}" in site
        site = site.replace(f"127.0.0.1:{stated}", f"127.0.0.1:{port}")
    return site


class Proxy:
    """One proxy before two web processes; entering waits until it passes on what they say."""

    def __init__(
        self, kind: Callable[[Path, int, tuple[int, int]], list[str]], folder: Path, webs: tuple[int, int]
    ) -> None:
        self.port = free_port()
        self._command = kind(folder, self.port, webs)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is, over HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def socket(self, path: str) -> str:
        """Give a WebSocket URL through it."""
        return f"ws://127.0.0.1:{self.port}{path}"

    @property
    def log(self) -> str:
        """Everything it has written."""
        return "".join(file.read_text(errors="replace") for file in self._folder.glob("*") if file.is_file())

    def __enter__(self) -> Self:
        env = os.environ | {"HOME": str(self._folder), "XDG_DATA_HOME": str(self._folder)}
        with (self._folder / "said").open("wb") as said:
            self._process = subprocess.Popen(self._command, stdout=said, stderr=said, env=env)
        wait_until(self._passes, f"{self._command[0]} to pass on /ready")
        return self

    def _passes(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        return next(look_at_url(self.url)).level != "failed"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
