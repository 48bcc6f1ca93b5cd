"""Which accounts a person may log in to, by an email address."""

from typing import Final

from appliance.formats.gotemplate.library import characters

_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def of_email(email: str) -> tuple[str, ...]:
    """Give the account that the address makes, what is before its @, and the address itself.

    The first is in lower case, of a-z, 0-9, - and _ alone; dots are left out.
    """
    local, at, domain = email.rpartition("@")
    before = local if at else domain
    account = "".join(map(_letter, characters.to_lower(before)))
    return tuple(dict.fromkeys(each for each in (account, local, email) if each))


def _letter(letter: str) -> str:
    if letter == ".":
        return ""
    return letter if letter in _LETTERS else "_"
