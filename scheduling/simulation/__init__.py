"""Placement, measured: the product's own scripts under virtual time, beside other dispatchers and theory.

`experiment` says what is drawn (`fleet`, `trace`), `product` sends it through the scripts on a real server
(`cell`, `lockstep`) under the eyes of `books`, `policies` and `clairvoyant` do the same in plain Python,
`theory` is Erlang C, `study` spreads the work, `summary` and `report` make the figures, `plots` the pictures.
"""
