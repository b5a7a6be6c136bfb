"""How the documents become a site."""
