"""The fleet live in a terminal: what is read of it, how it is drawn, which keys change that."""
