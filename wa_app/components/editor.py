"""The message editor, what WhatsApp makes of a text, and the chart of messages a minute: parts that live in the browser."""

from typing import Any

import reflex as rx

from wa_app.components.i18n import library


def _rested(text: rx.Var[str]) -> tuple[rx.Var[str]]:
    return (text,)


class MessageEditor(rx.NoSSRComponent):
    """Textarea with highlighting; `on_rest(text)` fires once typing rests."""

    tag = "MessageEditor"

    value: rx.Var[str]
    variables: rx.Var[list[str]]
    problems: rx.Var[bool]
    name: rx.Var[str]
    label: rx.Var[str]
    rest_ms: rx.Var[int]

    on_rest: rx.EventHandler[_rested]  # type: ignore[valid-type,type-arg]


class WhatsAppText(rx.NoSSRComponent):
    """A text as WhatsApp draws it."""

    tag = "WhatsAppText"

    text: rx.Var[str]


class PulseChart(rx.NoSSRComponent):
    """Messages sent in each minute, or their sum."""

    tag = "PulseChart"

    points: rx.Var[list[dict[str, Any]]]
    pace: rx.Var[float]
    cumulative: rx.Var[bool]


def message_editor(*children: Any, value: Any, variables: Any, on_rest: Any, label: Any, problems: Any) -> rx.Component:
    """Editor of a message template; `children` stand below the text inside its frame."""
    library()
    MessageEditor.library = rx.asset("editor.jsx", shared=True).importable_path
    editor: rx.Component = MessageEditor.create(
        *children, value=value, variables=variables, on_rest=on_rest, label=label, problems=problems,
        name="message_template",
    )  # fmt: skip
    return editor


def pulse_chart(points: Any, *, pace: Any = 0, cumulative: Any = False) -> rx.Component:
    """Chart of `{at: ISO time, n}` by minute; `pace` is what the devices may send a minute."""
    library()
    PulseChart.library = rx.asset("pulse.jsx", shared=True).importable_path
    chart: rx.Component = PulseChart.create(points=points, pace=pace, cumulative=cumulative)
    return chart


def whatsapp_text(text: Any) -> rx.Component:
    """`*bold*`, `_italic_` and `~struck~` as the customer's phone shows them."""
    WhatsAppText.library = rx.asset("editor.jsx", shared=True).importable_path
    shown: rx.Component = WhatsAppText.create(text=text)
    return shown
