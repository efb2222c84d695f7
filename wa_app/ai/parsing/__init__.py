"""Parsers of strangers' files. They run in a child process (`child.py`) that may die of what it reads.

Nothing here knows settings, database or network: the child gets a path and limits, and answers in frames.
"""
