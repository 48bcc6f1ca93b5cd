"""Who an SSH certificate is for, where nobody says it: names made of the subject."""


def of_subject(subject: str) -> list[str]:
    """Give a user's principals: the account's name, then the subject's own spellings of it."""
    name = account(subject)
    found = [name]
    local, at, _ = subject.rpartition("@")
    if at and local.lower() != name.lower():
        found.append(local)
    if subject != name:
        found.append(subject)
    return found


def account(subject: str) -> str:
    """Make the name of a Unix account: what stands before the last @, in small letters.

    Dots go; anything else that such a name cannot have becomes a low line.
    """
    local, at, last = subject.rpartition("@")
    name = (local if at else last).lower()
    return "".join(each if each in _ACCOUNT else "_" for each in name if each != ".")


_ACCOUNT = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
