"""A busy shared inbox: what fills it, and who works in it."""
