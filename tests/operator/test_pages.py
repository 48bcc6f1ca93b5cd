"""Pages hold the newest of many values, as they were."""

import pytest

from appliance.operator.pages import Pages


@pytest.mark.parametrize("text", ["abc", "\ud800", '\0 "\\ ü'])
@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 100, 1000])
def test_it_gives_what_a_list_would(count: int, text: str) -> None:
    """Also text that is no Unicode, for which JSON has no room."""
    pages, capacity = Pages(tuple[int, str], 70), 70
    values = [(number, text) for number in range(1, count + 1)]
    for each in values:
        pages.add(each)
    for after in (0, 1, 30, 31, 32, 33, 64, 65, 929, 999, 1000, 2000):
        for most in (1, 31, 32, 33, 70, 500):
            kept = [each for each in values[-capacity:] if each[0] > after]
            assert list(pages.after(after, most)) == kept[:most], (after, most)
    assert pages.last == count


def test_what_was_given_stays_when_more_is_added() -> None:
    pages = Pages(tuple[int, str], 64)
    for number in range(1, 41):
        pages.add((number, ""))
    found = pages.after(0, 64)
    for number in range(41, 401):
        pages.add((number, ""))
    assert [number for number, _ in found] == list(range(1, 41))
