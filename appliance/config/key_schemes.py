"""Schemes of key URIs: which are here, which are not and why, what in them names a token."""

from typing import Final

SCHEMES: Final = ("pkcs11", "yubikey")
_LATER: Final = "is not supported by this version"
ELSEWHERE: Final = {
    "awskms": "keys in Amazon's KMS",
    "cloudkms": "keys in Google's Cloud KMS",
    "azurekms": "keys in Azure's Key Vault",
    "tpmkms": "keys in a TPM by this name",
    "sshagentkms": "keys in an SSH agent",
    "mackms": "keys in macOS's keychain",
    "capi": "keys in Windows' store",
}
_INSTEAD: Final = {
    "tpmkms": "; use type pkcs11 with the module of tpm2-pkcs11 (libtpm2_pkcs11.so)",
}
OPENING: Final = ("pin-value", "pin-source", "management-key", "management-key-source")
OF_TOKEN: Final = {
    "pkcs11": ("module-path", "token", "serial", "slot-id", "max-sessions"),
    "yubikey": ("serial",),
}


def refusal(scheme: str) -> str:
    """Say why keys of such a scheme, one of ELSEWHERE, cannot be used."""
    known = "only key files (softkms), pkcs11 and yubikey are"
    return f"{ELSEWHERE[scheme]} ('{scheme}'): this {_LATER}, {known}{_INSTEAD.get(scheme, '')}"
