"""The words of our mails, in the reader's language, as plain text and as HTML that every mail program shows."""

from datetime import timedelta
from html import escape

from wa_app.i18n import translate
from wa_app.mail.port import Mail

# Mail programs know no stylesheets and no variables, so the colours of LOOK §1 are written out here.
_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light"><title>{subject}</title></head>
<body style="margin:0;background:#F5F4F1;padding:32px 16px;font-family:'Plus Jakarta Sans',-apple-system,'Segoe UI',Roboto,Arial,sans-serif;color:#191E2C">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:480px;background:#FFFFFF;border:1px solid #E7E4DE;border-radius:12px">
<tr><td style="padding:20px 28px;background:#14203B;border-radius:12px 12px 0 0;color:#FFFFFF;font-size:17px;font-weight:650">Sapa</td></tr>
<tr><td style="padding:28px;font-size:15px;line-height:23px">{body}</td></tr></table>
<p style="max-width:480px;margin:16px auto 0;font-size:12px;line-height:18px;color:#636875">{foot}</p>
</td></tr></table></body></html>
"""
_BUTTON = (
    '<p style="margin:24px 0"><a href="{link}" style="display:inline-block;background:#24448C;color:#FFFFFF;'
    'text-decoration:none;font-weight:600;padding:12px 20px;border-radius:8px">{word}</a></p>'
    '<p style="font-size:12px;line-height:18px;color:#636875;word-break:break-all">{alternative}<br>'
    '<a href="{link}" style="color:#24448C">{link}</a></p>'
)


def password_reset(language: str, to: str, name: str, link: str, lifetime: timedelta) -> Mail:
    """The link under which a new password can be set."""
    minutes = round(lifetime.total_seconds() / 60)
    return _letter(language, to, name, "password_reset", link, minutes=minutes)


def password_changed(language: str, to: str, name: str) -> Mail:
    """Word that the password is another one now, for the case that a stranger did it."""
    return _letter(language, to, name, "password_changed", "")


def guard(language: str, to: str, name: str, link: str, what: str, why: str, then: str) -> Mail:
    """Something the guard did to a number or a broadcast, why, and what to do; the words are given."""
    return _letter(language, to, name, "guard", link, what=what, why=why, then=then)


def provider_key(language: str, to: str, name: str, link: str, provider: str) -> Mail:
    """A language model's vendor refuses a key; the provider is off until it gets another."""
    return _letter(language, to, name, "provider_key", link, provider=provider)


def _letter(language: str, to: str, name: str, kind: str, link: str, **args: str | int) -> Mail:
    def say(key: str) -> str:
        return translate(language, f"mail.{key}", name=name, **args)

    subject = say(f"{kind}.subject")
    lines = [say("hello"), say(f"{kind}.text")]
    after = say(f"{kind}.after")
    text = "\n\n".join([*lines, *([link] if link else []), after, "Sapa"])
    body = "".join(f"<p style=\"margin:0 0 12px\">{escape(line)}</p>" for line in lines)
    if link:
        body += _BUTTON.format(
            link=escape(link), word=escape(say(f"{kind}.button")), alternative=escape(say("alternative"))
        )
    body += f'<p style="margin:0;color:#515766">{escape(after)}</p>'
    html = _PAGE.format(language=language, subject=escape(subject), body=body, foot=escape(say("foot")))
    return Mail(to, subject, text + "\n", html)
