"""The pages for people: plain files that the browser runs as they are, and nothing from elsewhere."""

from pathlib import Path

from flask import Blueprint, Flask, Response, send_from_directory

_FILES = Path(__file__).with_name("static")
#: Pages run their own scripts and styles only, and talk to this server only.
_POLICY = (
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; media-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def lost_page() -> Response:
    """Tell somebody who came to an address where nothing is what there is."""
    response = send_from_directory(_FILES, "lost.html")
    response.status_code = 404
    return _secured(response)


def add_pages(app: Flask) -> None:
    """Add the pages and their files to the application."""
    pages = Blueprint("pages", "web.pages")

    @pages.get("/")
    def talk() -> Response:
        return send_from_directory(_FILES, "talk.html")

    @pages.get("/dashboard")
    def dashboard() -> Response:
        return send_from_directory(_FILES, "dashboard.html")

    @pages.get("/node")
    def node() -> Response:
        return send_from_directory(_FILES, "node.html")

    @pages.get("/pages/<path:name>")
    def file(name: str) -> Response:
        return send_from_directory(_FILES, name)

    pages.after_request(_secured)
    app.register_blueprint(pages)


def _secured(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-cache"  # kept, and asked for again by its ETag
    return response
