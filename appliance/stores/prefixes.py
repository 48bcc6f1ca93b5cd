"""What the keys of each bucket begin with: its name and a zero octet."""


class Prefixes(dict[str, bytes]):
    """Prefixes by their buckets."""

    def __missing__(self, bucket: str) -> bytes:
        prefix = self[bucket] = bucket.encode() + b"\0"
        return prefix


def end_of(prefix: bytes) -> bytes:
    """Give what is behind all keys with a prefix."""
    return prefix[:-1] + b"\x01"
