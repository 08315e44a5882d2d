"""Checks of the address and the card form. Pure: form values in, names of refused fields out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .faults import Faults

COUNTRIES = ("DE", "AT", "CH")
# As attributes of the inputs too, so that page and server refuse the same.
POSTCODE = r"[0-9]{4,5}"
EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"
PHONE = r"[+0-9 ()\/\-]{6,}"
_DIGITS = {"DE": 5, "AT": 4, "CH": 4}


@dataclass(frozen=True)
class Field:
    """One input of the address form. *key* is also that of its text and of its error's text."""

    key: str
    autocomplete: str
    type: str = "text"
    required: bool = True
    pattern: str = ""
    mode: str = ""
    width: str = "full"


ADDRESS = (
    Field("first_name", "given-name", width="half"),
    Field("last_name", "family-name", width="half"),
    Field("street", "address-line1"),
    Field("postcode", "postal-code", pattern=POSTCODE, mode="numeric", width="third"),
    Field("city", "address-level2", width="rest"),
    Field("email", "email", "email", pattern=EMAIL, mode="email"),
    Field("phone", "tel", "tel", required=False, pattern=PHONE, mode="tel"),
)


def address_errors(values: Mapping[str, str], faults: Faults) -> list[str]:
    """Return the keys of the fields of the address form that are refused, in their order."""
    refused = [field.key for field in ADDRESS if not _fits(field, values.get(field.key, ""))]
    country = values.get("country", "")
    postcode = values.get("postcode", "")
    if "postcode" not in refused and not _is_postcode(postcode, country, faults):
        refused.append("postcode")
    if country not in COUNTRIES:
        refused.append("country")
    return refused


def _fits(field: Field, value: str) -> bool:
    if not value:
        return not field.required
    return not field.pattern or re.fullmatch(field.pattern, value) is not None


def _is_postcode(text: str, country: str, faults: Faults) -> bool:
    """Check the length for the country. The defect: read as a number, 04109 has four digits."""
    seen = str(int(text)) if "form_refuses_valid" in faults and text.isdecimal() else text
    return len(seen) == _DIGITS.get(country, 5)


def card_errors(values: Mapping[str, str]) -> list[str]:
    """Return the keys of the refused fields of the card form. Nothing of it is kept."""
    rules = {
        "card_name": r".{2,}",
        "card_number": r"(?:[0-9] ?){13,19}",
        "card_expiry": r"(0[1-9]|1[0-2]) ?/ ?[0-9]{2}",
        "card_code": r"[0-9]{3,4}",
    }
    return [
        key for key, rule in rules.items() if not re.fullmatch(rule, values.get(key, "").strip())
    ]
