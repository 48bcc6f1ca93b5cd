"""From a token's URI to the driver for it; each driver's library is imported when it is needed."""

from collections.abc import Callable

from appliance.formats.keyuri import KeyUri
from appliance.keys.pins import PinGuard
from appliance.model.errors import NotSupported
from appliance.model.secret import Password
from appliance.model.tokens import TokenStatus
from appliance.ports.credentials import TokenCredentials
from appliance.ports.keys import KeyManager


def open_token(
    uri: KeyUri,
    *,
    pin: Password | None,
    guard: PinGuard,
    management_key: Password | None = None,
    told: Callable[[TokenStatus], None] = lambda _status: None,
) -> KeyManager:
    """Make the KeyManager for a token, which works once its `run` does.

    Raises FormatError for a URI that names no token, NotSupported for other schemes.
    """
    match uri.scheme:
        case "pkcs11":
            from appliance.keys.pkcs11.driver import Pkcs11Token  # noqa: PLC0415

            return Pkcs11Token(uri, pin=pin, guard=guard, told=told)
        case "yubikey":
            from appliance.keys.yubikey.driver import YubiKeyToken  # noqa: PLC0415

            return YubiKeyToken(uri, pin=pin, guard=guard, management_key=management_key, told=told)
        case _:
            raise NotSupported(f"keys at '{uri.scheme}:' are not supported by this version")


def token_credentials(uri: KeyUri) -> TokenCredentials:
    """Make what changes a token's PIN and the like. Raises NotSupported for all but YubiKeys."""
    if uri.scheme != "yubikey":
        raise NotSupported("PINs of tokens reached by PKCS#11 are changed by their vendor's tools")
    from appliance.keys.yubikey.credentials import YubiKeyCredentials  # noqa: PLC0415

    return YubiKeyCredentials(uri.get("serial"))
