"""What names and values say: secrets, images."""

from __future__ import annotations

import re
from typing import Any

_SECRET = re.compile(
    r"(^|_)(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|SECRET_?KEY|ACCESS_?KEY|CREDENTIALS?)(_|$)",
    re.IGNORECASE,
)
# Of a secret, but none: where it lies, how long it lives, whether there is one.
_ABOUT = re.compile(
    r"(_|^)(FILE|PATH|DIR|URL|URI|ENDPOINT|NAME|ARN|ID|LENGTH|EXPIRY|EXPIRES?(_IN)?|EXPIRATION|TTL|LIFETIME|MINUTES|HOURS|SECONDS|DAYS|TIMEOUT|ENABLED"
    r"|REQUIRED|HEADER|TYPE|ALGORITHM|PROVIDER|DUMMY|ISSUER|AUDIENCE|MIN|MAX|POLICY|PARAMETER|VERSION|SYMBOLS?|LIMIT|COUNT|SIZE|FIELD|KEY_NAME)$"
    r"|PUBLIC|ALLOW_EMPTY|_DUMMY|RANDOM|NO_PASSWORD|TOKENIZ",
    re.IGNORECASE,
)
# Where a value would stand: <token>, changeme, xxx, ...
_PLACE = re.compile(
    r"<.*>|\*+|x{3,}|\.\.\.|none|null|true|false|\d{1,2}|yes|no|todo|dummy|example|placeholder"
    r"|(change|replace|your|insert|put|enter|set|fill)[-_ ]?(me|this|it|in|with|the|your)?([-_ ].*)?"
    r"|(?-i:[A-Z]+(_[A-Z0-9]+)+)",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"\$|\{\{|%\(|secretsmanager:|ssm:|vault:|sm://|op://")
_DEFAULT = re.compile(r"\$\{\w+:?-([^}$]+)\}")
_IMAGE = re.compile(r"(?P<name>(?:[^/@]+/)*[^/:@]+)(?::(?P<tag>[^@]*))?(?:@(?P<digest>.+))?")


def names_secret(name: str) -> bool:
    """Whether a variable of this name holds a secret itself."""
    return bool(_SECRET.search(name)) and not _ABOUT.search(name)


def literal(value: Any) -> bool:
    """Whether a value stands there as it is, as the default of a variable does (`${NAME:-text}`); a path is none."""
    text = str(value).strip("\"' ") if value is not None else ""
    if default := _DEFAULT.fullmatch(text):
        text = default[1]
    return bool(text) and not _REFERENCE.search(text) and not _PLACE.fullmatch(text) and text[0] not in "/."


def image_name(image: str) -> str:
    """The last part of an image's name: `postgres`."""
    match = _IMAGE.fullmatch(image)
    return (match["name"] if match else image).rpartition("/")[2].lower()


def repository_name(image: str) -> str:
    """An image's name without tag and digest."""
    match = _IMAGE.fullmatch(image)
    return match["name"] if match else image


def digest(image: str) -> bool:
    """Whether an image is named by its digest; a variable may hold it."""
    return "@" in image


def moving(image: str) -> bool:
    """Whether an image is named by `latest`, or by no tag at all."""
    match = _IMAGE.fullmatch(image)
    return bool(match) and not match["digest"] and (match["tag"] or "latest") == "latest" if match else False
