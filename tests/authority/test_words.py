"""A search as one types: names by what they, or what follows a dot in them, begin with."""

import pytest

from appliance.authority import words
from appliance.authority.inventory import Inventory
from appliance.model.inventory import CertificateQuery
from appliance.stores.memory import MemoryStore
from tests.support.inventory import START, Sample

NAMES = (
    "nas.home.arpa", "nas-2.home.arpa", "backup.nas.home.arpa", "NAS.example.com", "tv.home.arpa",
    "home.arpa", "192.0.2.7", "192.0.2.70", "anna@home.arpa", "Nas of Anna", "xnas.home.arpa",
)  # fmt: skip


async def found(word: str, names: tuple[str, ...] = NAMES) -> set[str]:
    store = MemoryStore()
    for serial, name in enumerate(names, 1):
        subject, sans = (name, ()) if " " in name else ("", (name,))
        await store.commit(Sample(serial=serial, subject=subject, sans=sans).operations())
    page = await Inventory(store).page(CertificateQuery(word=word, limit=1000), START)
    return {names[each.serial - 1] for each in page.certificates}


@pytest.mark.parametrize(
    "typed", ["n", "na", "NAS", "nas.", "nas.h", "nas.home", "home", "192.0.2.7"]
)
async def test_what_is_found_is_what_begins_so(typed: str) -> None:
    assert await found(typed) == {each for each in NAMES if words.matches(typed, each)} != set()


async def test_a_word_is_not_found_within_a_label() -> None:
    assert "xnas.home.arpa" not in await found("nas")
    assert await found("ome") == set()


async def test_a_label_counts_whether_or_not_there_are_names_below_it() -> None:
    assert await found("nas.home.arpa") == {"nas.home.arpa", "backup.nas.home.arpa"}


async def test_many_hosts_of_a_domain_hide_no_other_host_of_it() -> None:
    names = (*(f"a{number}.home.arpa" for number in range(300)), "zebra.home.arpa")
    assert await found("ze", names) == {"zebra.home.arpa"}


async def test_names_of_many_domains_cost_a_bounded_number_of_looks() -> None:
    """The first domains are searched, as far as the looks go."""
    names = tuple(f"host.d{number:03}.example" for number in range(words.MOST_LOOKS))
    found_ = await found("host", names)
    assert 50 < len(found_) < words.MOST_LOOKS
    assert "host.d000.example" in found_


async def test_a_domain_beside_hosts_is_found() -> None:
    names = ("a.home.arpa", "b.home.arpa", "nas.lab.home.arpa", "z.home.arpa")
    assert await found("na", names) == {"nas.lab.home.arpa"}
