"""AWS Signature Version 4 for single requests: what S3 and everything that speaks it asks for.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html; the examples of that page are our tests.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Keys:
    """Who signs, for which region."""

    access_key: str
    secret_key: str
    region: str
    service: str = "s3"


def signed(
    keys: Keys, method: str, path: str, headers: Mapping[str, str], now: datetime, *, payload_sha256: str = EMPTY,
    query: Mapping[str, str] | None = None,
) -> dict[str, str]:  # fmt: skip
    """`headers` (with `host`) and those that prove who asks.

    Args:
        path: of the address, not escaped yet, with its leading slash.
        now: UTC.
    """
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{keys.region}/{keys.service}/aws4_request"
    dressed = {name.lower(): value for name, value in headers.items()}
    dressed |= {"x-amz-date": stamp, "x-amz-content-sha256": payload_sha256}
    names = ";".join(sorted(dressed))
    lines = [
        method, escaped(path), _query(query or {}), *(f"{name}:{dressed[name].strip()}" for name in sorted(dressed)),
        "", names, payload_sha256,
    ]  # fmt: skip
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    signature = hmac.new(_key(keys, stamp[:8]), to_sign.encode(), hashlib.sha256).hexdigest()
    proof = f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope},SignedHeaders={names},Signature={signature}"
    return {**dressed, "authorization": proof}


def escaped(path: str) -> str:
    """A path as it goes into the address and into the signature."""
    return quote(path, safe="/-_.~")


def _query(query: Mapping[str, str]) -> str:
    return "&".join(f"{quote(key, safe='-_.~')}={quote(query[key], safe='-_.~')}" for key in sorted(query))


def _key(keys: Keys, day: str) -> bytes:
    key = b"AWS4" + keys.secret_key.encode()
    for part in (day, keys.region, keys.service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
