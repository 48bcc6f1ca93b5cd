"""A packed table is a dict in less room."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.authority.alerts.packed import KEY, PackedTable

# of few octets, so that keys are found across the ends of others; and some of any
_KEYS = st.one_of(
    st.lists(st.sampled_from((0, 1)), min_size=KEY, max_size=KEY).map(bytes),
    st.sampled_from((bytes(KEY), b"\1" * KEY, b"\0\1" * (KEY // 2), b"\1\0" * (KEY // 2))),
    st.binary(min_size=KEY, max_size=KEY),
)


@given(changes=st.lists(st.tuples(_KEYS, st.none() | st.binary(max_size=40)), max_size=60))
def test_it_holds_what_a_dict_holds(changes: list[tuple[bytes, bytes | None]]) -> None:
    table, known = PackedTable(), dict[bytes, bytes]()
    for key, row in changes:
        if row is None:
            table.remove(key)
            known.pop(key, None)
        else:
            table.put(key, row)
            known[key] = row
        assert table.get(key) == row
    assert dict(table.items()) == known
    assert sorted(table.rows()) == sorted(known.values())
    assert len(table) == len(known)
    assert all(table.get(key) == row for key, row in known.items())


def test_a_key_across_two_others_is_not_there() -> None:
    table, half = PackedTable(), KEY // 2
    table.put(b"\0" + b"\1" * (KEY - 1), b"one")
    table.put(b"\0" + b"\2" * (KEY - 1), b"two")
    across = b"\1" * half + b"\0" + b"\2" * (half - 1)
    assert table.get(across) is None
    across = b"\0" * half + b"\3" * half
    table.put(b"\0" + b"\4" * half + b"\0" * (half - 1), b"three")
    table.put(b"\0" + b"\3" * (KEY - 1), b"four")
    assert table.get(across) is None
    table.put(across, b"five")
    assert (table.get(across), len(table)) == (b"five", 5)
