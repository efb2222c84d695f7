"""What can go wrong, in the words of the domain.

AppError                what a person or program can be told
├── NotFound            absent, or not yours: the two are never told apart
├── NotSignedIn         no valid session, token or key
├── Forbidden           signed in, without the verb
├── Invalid             fields do not make sense; `fields` says which and why
├── Conflict            right request, wrong state
├── LimitReached        a package or rate limit; `retry_after_s` when it passes
└── Unavailable         a service we need does not answer; nothing is lost

`code` is stable, doubles as the key `error.<code>` in the language catalogues and
never changes meaning. `args` fill the placeholders of its text.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """One field that was refused: its name, the stable code and the text's arguments."""

    field: str
    code: str
    args: Mapping[str, str | int] = dataclasses.field(default_factory=dict)


class AppError(Exception):
    """Base of every error that is shown to a person or a program."""

    status = 500

    def __init__(self, code: str, **args: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.args_ = args


class NotFound(AppError):
    status = 404

    def __init__(self, code: str = "not_found", **args: str | int) -> None:
        super().__init__(code, **args)


class NotSignedIn(AppError):
    status = 401

    def __init__(self, code: str = "not_signed_in", **args: str | int) -> None:
        super().__init__(code, **args)


class Forbidden(AppError):
    status = 403

    def __init__(self, code: str = "forbidden", **args: str | int) -> None:
        super().__init__(code, **args)


class Invalid(AppError):
    """Fields that do not make sense.

    >>> Invalid(FieldError("phone", "phone_too_short")).fields[0].field
    'phone'
    """

    status = 422

    def __init__(self, *fields: FieldError, code: str = "invalid", **args: str | int) -> None:
        super().__init__(code, **args)
        self.fields = fields


class Conflict(AppError):
    status = 409


class LimitReached(AppError):
    status = 429

    def __init__(self, code: str, *, retry_after_s: int | None = None, **args: str | int) -> None:
        if retry_after_s is not None:
            args.setdefault("seconds", retry_after_s)
        super().__init__(code, **args)
        self.retry_after_s = retry_after_s


class Unavailable(AppError):
    status = 503
