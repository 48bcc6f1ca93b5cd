"""How ca.json names the file of a private key."""

from urllib.parse import unquote


def key_file(key: str) -> str:
    """Give the path in a `softkms:` URI, or the path itself."""
    scheme, colon, rest = key.partition(":")
    if not colon or scheme.lower() != "softkms":
        return key
    for pair in rest.split(";"):
        name, equals, value = pair.partition("=")
        if equals and name == "path":
            return unquote(value)
    return unquote(rest)
