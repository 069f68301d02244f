"""The codes of tickets as people and scanners give them: typed, or read from a QR code."""

from datetime import UTC, datetime

from kernel.signing.jwt import JwtInvalid, verify_jwt
from tickets import policy, qr

LONGEST = 1024  # characters of what a scanner sends; the old form had under 500
_BEFORE_ALL = datetime.fromtimestamp(0, UTC)
_LOOK_ALIKES = str.maketrans({"O": "0", "I": "1", "L": "1", " ": None, "-": None})


def spoken(code: str) -> str:
    """Return a code in groups of four, as people read it out."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def code_in(scanned: str) -> str | None:
    """Return the ticket's code that was typed or scanned; None where there is none.

    A typed code may be in any case, with blanks and hyphens, with O for 0 and I or L for 1. A QR
    payload must be signed by us; its expiry and performance are for doors without a network: here
    the row of the ticket decides, so a ticket printed before its performance was postponed counts.
    """
    if len(scanned) > LONGEST:
        return None
    try:
        if len(scanned) == qr.LENGTH:
            return qr.read(scanned).code
        if scanned.startswith("ey"):
            return _in_the_old_form(scanned)
    except (qr.QrInvalid, JwtInvalid):
        return None
    typed = scanned.upper().translate(_LOOK_ALIKES)
    is_code = len(typed) == policy.CODE_LENGTH and set(typed) <= set(policy.CODE_ALPHABET)
    return typed if is_code else None


def _in_the_old_form(scanned: str) -> str | None:
    """Return the code of a QR payload as it was before: a JWS, printed or kept as a picture."""
    claims = verify_jwt("ticket", scanned, audience=policy.QR_AUDIENCE, now=_BEFORE_ALL)
    code = claims.get("code")
    return code if isinstance(code, str) else None
