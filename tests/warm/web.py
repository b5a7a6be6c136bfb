"""A web process where its scripts are read and its document is made, too: both are the same in every one."""

from scheduling import scripts
from web import serve
from web.api import documents

scripts.load_all()
documents.openapi()
main = serve.main
