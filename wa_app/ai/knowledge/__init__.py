"""A tenant's documents: cut into passages, indexed by words and meaning, searched by questions (DESIGN §8)."""

from wa_app.ai.knowledge.searching import Found, lookup, search

__all__ = ["Found", "lookup", "search"]
