"""The Flask-Sock tier: node and session sockets, HTTP, and the command line."""
