"""One module for each group of rows; each measures into the book it is given."""
