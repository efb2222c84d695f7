"""Answers out of the documents' own words: no model, no network, no key.

It quotes the lines of the best passage that carry the answer, says that it does not know when the documents do
not say it, and reads intent and mood from words a person can look up here. It never makes a sentence up.
"""
