"""How a call to a channel can fail."""

from typing import ClassVar

from wa_app.models.devices import DeviceStatus


class ChannelError(Exception):
    """A call to a channel failed.

    ChannelError
    ├── NotSent             the server was never reached; safe to try again
    ├── RetryLater          refused for now: too fast or overloaded; `retry_after_s`
    ├── DeviceTrouble       the session cannot act, nothing went out: pause the device; `status` when told
    ├── ContactUnusable     this person cannot be written to; permanent for the row
    ├── AccountRestricted   WhatsApp forbids new chats (463): stop campaigns of the device
    ├── OutcomeUnknown      asked, and no clear answer: it may have gone out
    ├── Unsupported         the engine cannot do this
    ├── MediaGone           the file of a message is not (or no longer) on the server
    ├── AccessRefused       the server's key is wrong: nothing works until it is mended
    └── Refused             the request itself was refused; asking again changes nothing

    OutcomeUnknown alone may have been sent; after every other class the message has
    certainly not gone out. Texts hold no bodies, numbers or keys and may be logged.
    """

    code: ClassVar[str] = "channel_error"
    may_have_been_sent: ClassVar[bool] = False

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.code)
        self.detail = detail


class NotSent(ChannelError):
    code = "not_sent"


class RetryLater(ChannelError):
    code = "retry_later"

    def __init__(self, detail: str = "", *, retry_after_s: float = 30.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class DeviceTrouble(ChannelError):
    code = "device_trouble"

    def __init__(self, detail: str = "", *, status: DeviceStatus | None = None) -> None:
        super().__init__(detail)
        self.status = status


class ContactUnusable(ChannelError):
    code = "contact_unusable"


class AccountRestricted(ChannelError):
    code = "account_restricted"


class OutcomeUnknown(ChannelError):
    """`device_suspect`: the answer also says that the session is broken (probe or restart it)."""

    code = "outcome_unknown"
    may_have_been_sent = True

    def __init__(self, detail: str = "", *, device_suspect: bool = False) -> None:
        super().__init__(detail)
        self.device_suspect = device_suspect


class Unsupported(ChannelError):
    code = "unsupported"


class MediaGone(ChannelError):
    code = "media_gone"


class AccessRefused(ChannelError):
    code = "access_refused"


class Refused(ChannelError):
    code = "refused"


class BadSignature(Exception):
    """A webhook whose signature is missing, of another algorithm, or wrong."""
