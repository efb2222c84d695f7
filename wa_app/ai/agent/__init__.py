"""The agent's engine: what it says to a customer's words, and why."""

from wa_app.ai.agent.engine import Tools, answer, stream

__all__ = ["Tools", "answer", "stream"]
