"""Proxies keep idle sockets open for longer than we let them be idle, and take what we take."""

import re
import subprocess
from pathlib import Path

from scheduling.settings import Settings
from tests.programs import needs

DEPLOY = Path(__file__).parents[2] / "deploy"
NGINX = (DEPLOY / "nginx" / "speech-dispatch.conf").read_text(encoding="utf-8")


def test_nginx_waits_for_longer_than_a_ping_takes() -> None:
    for name in ("proxy_read_timeout", "proxy_send_timeout"):
        found = re.search(rf"{name} (\d+)s;", NGINX)
        assert found is not None
        assert int(found[1]) > 3 * Settings.model_fields["ping_s"].default


def test_proxies_take_the_largest_recording() -> None:
    """Sent at once it may be 8 times what is cut from chunks; JSON has it in base64."""
    largest = Settings.model_fields["max_audio_bytes"].default * 8 * 4 / 3
    found = re.search(r"client_max_body_size (\d+)m;", NGINX)
    assert found is not None
    assert int(found[1]) * 2**20 > largest
    caddy = re.search(r"max_size (\d+)MB", (DEPLOY / "caddy" / "Caddyfile").read_text(encoding="utf-8"))
    assert caddy is not None
    assert int(caddy[1]) * 10**6 > largest


def test_nginx_passes_what_opens_a_websocket() -> None:
    assert "proxy_set_header Upgrade $http_upgrade;" in NGINX
    assert "proxy_set_header Connection $connection_upgrade;" in NGINX
    assert "proxy_http_version 1.1;" in NGINX
    assert "proxy_buffering off;" in NGINX


def test_nginx_logs_no_secret_of_a_path() -> None:
    """Our own configuration logged what `docs/security.md` says that a proxy must leave out."""
    hidden = re.search(r'map \$uri \$logged \{\s*"~(\S+)" 0;', NGINX)
    assert hidden is not None
    assert re.search(r"access_log \S+ combined if=\$logged;", NGINX)
    assert re.match(hidden[1], "/ws/node/Vf3hZ0t8Qm1x")
    assert re.match(hidden[1], "/ws/session/Vf3hZ0t8Qm1x")
    for path in ("/ws/node", "/ws/session/", "/api/v1/nodes/ws/x"):
        assert not re.match(hidden[1], path)


@needs("nginx", "nginx-light")
def test_nginx_understands_it(tmp_path: Path) -> None:
    plain = re.sub(r"^.*(ssl_|http2).*\n", "", NGINX, flags=re.MULTILINE).replace("443 ssl", "127.0.0.1:8443")
    (tmp_path / "site.conf").write_text(plain, encoding="utf-8")
    main = tmp_path / "nginx.conf"
    main.write_text(f"pid {tmp_path}/pid; events {{}} http {{ include {tmp_path}/site.conf; }}")
    done = subprocess.run(
        ["nginx", "-t", "-p", str(tmp_path), "-c", str(main), "-e", str(tmp_path / "log")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "syntax is ok" in done.stderr, done.stderr  # its own folders may be missing
