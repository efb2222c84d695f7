"""The agent's engine: what it says to a customer's words, and why."""

from wa_app.ai.agent.engine import Tools, answer, real_tools, stream

__all__ = ["Tools", "answer", "real_tools", "stream"]
