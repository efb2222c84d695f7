"""Starting configurations. They are copied into a draft: changing a preset later changes no agent."""

from typing import Literal

from wa_app.i18n import translate
from wa_app.schemas.agents import AgentConfig, Mode, ModeConfig, Unsure

Preset = Literal["", "service", "sales"]


def config(preset: Preset, language: str) -> AgentConfig:
    """What an agent begins with, its texts in `id` or `en`.

    >>> config("sales", "en").preset
    'sales'
    """
    if preset == "service":
        return AgentConfig(
            name=translate(language, "agent.preset.service.name"), preset=preset,
            persona=translate(language, "agent.preset.service.persona"), tone="warm", emoji="some", length="short",
            modes=_modes(preset, language), unsure=Unsure.HAND_OVER,
        )  # fmt: skip
    if preset == "sales":
        return AgentConfig(
            name=translate(language, "agent.preset.sales.name"), preset=preset,
            persona=translate(language, "agent.preset.sales.persona"), tone="warm", emoji="some", length="medium",
            modes=_modes(preset, language), unsure=Unsure.HAND_OVER, min_confidence=0.45,
        )  # fmt: skip
    return AgentConfig(name=translate(language, "agent.preset.plain.name"))


def _modes(preset: Preset, language: str) -> dict[Mode, ModeConfig]:
    return {
        mode: ModeConfig(instructions=translate(language, f"agent.preset.{preset}.{mode.value}")) for mode in Mode
    }
