"""The reference node agent and the Python client, usable on their own."""
