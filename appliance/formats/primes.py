"""Prime numbers of a given length, found by chance and told by Miller and Rabin's test."""

from collections.abc import Callable
from typing import Final

_ROUNDS: Final = 24  # a composite number passes one with a chance of a quarter at most
_SMALL: Final = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73)


def prime(bits: int, entropy: Callable[[int], bytes]) -> int:
    """Find a prime of exactly so many bits, at least two, its two highest set where there are more.

    Two of them then have a product of twice the length, as RSA wants it.
    """
    octets = (bits + 7) // 8
    top = 1 << (bits - 1) | (1 << (bits - 2) if bits > 2 else 0)
    while True:
        number = int.from_bytes(entropy(octets)) & ((1 << bits) - 1) | top
        number |= 1 if bits > 2 else 0
        if is_prime(number, entropy):
            return number


def is_prime(number: int, entropy: Callable[[int], bytes]) -> bool:
    """Tell if a number is prime, wrongly once in 2**48 at most."""
    if number in _SMALL:
        return True
    if number < 2 or any(number % small == 0 for small in _SMALL):
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    size = (number.bit_length() + 7) // 8 + 8
    for _ in range(_ROUNDS):
        base = 2 + int.from_bytes(entropy(size)) % (number - 3)
        if not _passes(number, pow(base, odd, number), twos):
            return False
    return True


def _passes(number: int, value: int, twos: int) -> bool:
    if value in (1, number - 1):
        return True
    for _ in range(twos - 1):
        value = value * value % number
        if value == number - 1:
            return True
    return False
