"""When a message is a word to stop or start by."""

import pytest

from wa_app.kit.opt_words import OPT_IN, OPT_OUT, Meaning, word_list

LIST = word_list(OPT_OUT, OPT_IN)


@pytest.mark.parametrize("text", [
    "STOP", "stop", "Stop.", "*STOP*", "STOPPPP!!!", "s t o p", "S.T.O.P", "ＳＴＯＰ", "stop stop stop", "tolong stop ya kak",
    "stop kirim promo", "Stop sending me messages please", "berhenti 🙏", "BERHENTI\nberlangganan", "jangan kirim lagi ya",
    "unsub", "unreg", "henti", "mandheg", "eureun", "توقف", "تـوقـف", "إِيقاف", "إلغاء الاشتراك", "退订", "keluar dari broadcast ini",
])  # fmt: skip
def test_stops(text: str) -> None:
    assert LIST.meaning(text) is Meaning.STOP


@pytest.mark.parametrize("text", [
    "", " ", "🛑", "kak", "bisa kirim keluar kota?", "keluar kota bisa?", "stop dulu ya saya mau order", "non stop",
    "jangan berhenti", "mulai jam berapa?", "saya mau mulai usaha", "lanjut besok ya", "stopwatch ada?", "promo apa hari ini",
    "x" * 500, "stop " * 100,
])  # fmt: skip
def test_means_nothing(text: str) -> None:
    assert LIST.meaning(text) is None


@pytest.mark.parametrize("text", ["MULAI", "start!", "Lanjut 🙂", "unstop", "ابدأ", "订阅"])
def test_starts(text: str) -> None:
    assert LIST.meaning(text) is Meaning.START


def test_every_default_means_what_its_list_says() -> None:
    assert {LIST.meaning(word) for word in OPT_OUT} == {Meaning.STOP}
    assert {LIST.meaning(word) for word in OPT_IN} == {Meaning.START}
