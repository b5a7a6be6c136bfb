"""``make chaos``: the whole stack as real processes, what breaks them, and proof that nothing is lost.

`schedule` says what is broken when, `conductor` does it to the `stack`; `speakers` are the load and keep the
score of what they said, `auditor` looks at the ledger, and `verdict` brings all of it together.
"""
