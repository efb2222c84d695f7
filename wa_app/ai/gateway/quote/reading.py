"""What a customer wants and how they feel, read from plain word lists. Honest, not clever: no word, no claim."""

from typing import Final

from wa_app.ai.gateway.quote.answering import Quote
from wa_app.ai.gateway.quote.words import listed, said_any, terms_of
from wa_app.kit.folding import words
from wa_app.schemas.agents import AgentAnswer, Insights, Mode

_PERSON: Final = listed("admin manusia operator orang cs agent agen human person representative staf staff") | {
    "customer service", "bicara dengan", "hubungkan dengan", "talk to", "speak to",
}  # fmt: skip
_COMPLAINT: Final = listed("""
komplain kecewa rusak cacat telat lambat hilang bohong tipu penipuan parah jelek buruk pecah robek refund
complain complaint broken damaged wrong late missing angry disappointed terrible scam bad awful worst
""") | {"salah kirim", "salah barang", "lama banget", "lama sekali"}  # fmt: skip
_GOOD: Final = listed("""
bagus mantap makasih terimakasih terima suka puas senang keren cepat ramah enak thanks thank great good love happy nice
perfect excellent
""")  # fmt: skip
_ORDER: Final = listed("pesan order beli booking pesen checkout buy purchase mau ambil")
_URGENT: Final = listed("segera urgent darurat sekarang cepat buru asap penting mendesak now immediately")
_GREETING: Final = listed("halo hallo hai hi hello hey pagi siang sore malam assalamualaikum permisi morning")
_THANKS: Final = listed("makasih terimakasih thanks thank tengkyu suwun nuhun") | {"terima kasih"}
_INTENTS: Final = (
    ("@back", "return"), ("@pay", "payment"), ("@send", "shipping"), ("@promo", "promotion"), ("@hours", "opening_hours"),
    ("@place", "location"), ("@stock", "availability"), ("@order", "order"), ("@price", "price"), ("@size", "size"),
    ("@contact", "contact"),
)  # fmt: skip
GREETING: Final = {"id": "Halo, ada yang bisa saya bantu?", "en": "Hello, how can I help you?"}
WELCOME: Final = {"id": "Sama-sama, senang bisa membantu.", "en": "You are welcome."}


def small_talk(text: str, language: str) -> str | None:
    """An answer to a greeting or to thanks that asks for nothing; None for everything else."""
    said = words(text)
    if not said or len(said) > 6:
        return None
    tongue = "en" if language == "en" else "id"
    rest = [term for term in terms_of(text) if term not in _GREETING | _THANKS | {"@price"} and term != "terima"]
    if rest:
        return None
    if said_any(text, _THANKS):
        return WELCOME[tongue]
    return GREETING[tongue] if said_any(text, _GREETING) else None


def insights(question: str, quote: Quote) -> Insights:
    """Intent, mood, product, urgency and tags of a customer's words."""
    intent = intent_of(question)
    bad, good = said_any(question, _COMPLAINT), said_any(question, _GOOD)
    product = " ".join(term for term in quote.terms if term in quote.found and not term.startswith("@"))
    return Insights(
        intent=intent, sentiment="negative" if bad else "positive" if good else "neutral", product=product[:80],
        urgency="high" if said_any(question, _URGENT) else "medium" if bad else "low",
        tags=[intent] if intent else [],
    )  # fmt: skip


def intent_of(question: str) -> str:
    """One word for what is wanted; empty when the words do not tell."""
    if said_any(question, _PERSON):
        return "human"
    if said_any(question, _COMPLAINT):
        return "complaint"
    terms = terms_of(question)
    for notion, intent in _INTENTS:
        if notion in terms:
            return intent
    if said_any(question, _THANKS):
        return "thanks"
    return "greeting" if said_any(question, _GREETING) else "question" if terms else ""


def agent_answer(question: str, quote: Quote, talk: str | None) -> AgentAnswer:
    """The structured answer that a model would give."""
    found = insights(question, quote)
    mode = Mode.COMPLAINT if found.intent in ("complaint", "return") else Mode.ORDER if _orders(question) else Mode.FAQ
    wants_person = found.intent == "human"
    return AgentAnswer(
        answer=talk or quote.text, mode=mode, sources=[quote.source] if quote.source and talk is None else [],
        confidence=1.0 if talk is not None else quote.confidence, handover=wants_person,
        handover_reason="asked_for_a_person" if wants_person else "", insights=found,
    )  # fmt: skip


def _orders(question: str) -> bool:
    return said_any(question, _ORDER) and "@order" in terms_of(question)
