"""The roots of the vendors whose devices attest keys: public certificates, as they publish them.

Apple Enterprise Attestation Root CA (apple.com/certificateauthority/private); Yubico PIV Root CA
263751 and Yubico Attestation Root 1 (developers.yubico.com/PKI).
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Final

from appliance.formats import pem
from appliance.model.errors import FormatError

_APPLE: Final = (
    "MIICJDCCAamgAwIBAgIUQsDCuyxyfFxeq/bxpm8frF15hzcwCgYIKoZIzj0EAwMwUTEtMCsGA1UEAwwkQXBwbGUg"
    "RW50ZXJwcmlzZSBBdHRlc3RhdGlvbiBSb290IENBMRMwEQYDVQQKDApBcHBsZSBJbmMuMQswCQYDVQQGEwJVUzAe"
    "Fw0yMjAyMTYxOTAxMjRaFw00NzAyMjAwMDAwMDBaMFExLTArBgNVBAMMJEFwcGxlIEVudGVycHJpc2UgQXR0ZXN0"
    "YXRpb24gUm9vdCBDQTETMBEGA1UECgwKQXBwbGUgSW5jLjELMAkGA1UEBhMCVVMwdjAQBgcqhkjOPQIBBgUrgQQA"
    "IgNiAAT6Jigq+Ps9Q4CoT8t8q+UnOe2poT9nRaUfGhBTbgvqSGXPjVkbYlIWYO+1zPk2Sz9hQ5ozzmLrPmTBgEWR"
    "cHjA2/y77GEicps9wn2tj+G89l3INNDKETdxSPPIZpPj8VmjQjBAMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYE"
    "FPNqTQGd8muBpV5du+UIbVbi+d66MA4GA1UdDwEB/wQEAwIBBjAKBggqhkjOPQQDAwNpADBmAjEA1xpWmTLSpr1V"
    "H4f8Ypk8f3jMUKYz4QPG8mL58m9sX/b2+eXpTv2pH4RZgJjucnbcAjEA4ZSB6S45FlPuS/u4pTnzoz632rA+xW/T"
    "ZwFEh9bhKjJ+5VQ9/Do1os0u3LEkgN/r"
)
_YUBICO_PIV: Final = (
    "MIIDFzCCAf+gAwIBAgIDBAZHMA0GCSqGSIb3DQEBCwUAMCsxKTAnBgNVBAMMIFl1YmljbyBQSVYgUm9vdCBDQSBT"
    "ZXJpYWwgMjYzNzUxMCAXDTE2MDMxNDAwMDAwMFoYDzIwNTIwNDE3MDAwMDAwWjArMSkwJwYDVQQDDCBZdWJpY28g"
    "UElWIFJvb3QgQ0EgU2VyaWFsIDI2Mzc1MTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAMN2cMTNR6YC"
    "dcTFRxuPy31PabRn5m6pJ+nSE0HRWpoaM8fc8wHC+Tmb98jmNvhWNE2EilU85uYKfEFP9d6Q2GmytqBnxZsAa3Kq"
    "ZiCCx2LwQ4iYEOb1llgotVr/whEpdVOqjoU0P5e1j1y7OfwOvky/+AXIN/9Xp0VFlYRk2tQ9GcdYKDmqU+db9iKw"
    "pAzid4oHBVLIhmD3pvkWaRA2H3DA9t7H/HNq5v3OiO1jyLZeKqZoMbPObrxqDg+9fOdShzgfwCqgT3XVmTeiwvBS"
    "Tctyi9mHQfYd2DwkaqxRnLbNVyK9zl+DzjSGp9IhVPiVtGetX02dxhQnGS7K6BO0Qe8CAwEAAaNCMEAwHQYDVR0O"
    "BBYEFMpfyvLEojGc6SJf8ez01d8Cv4O/MA8GA1UdEwQIMAYBAf8CAQEwDgYDVR0PAQH/BAQDAgEGMA0GCSqGSIb3"
    "DQEBCwUAA4IBAQBc7Ih8Bc1fkC+FyN1fhjWioBCMr3vjneh7MLbA6kSoyWF70N3sXhbXvT4eRh0hvxqvMZNjPU/V"
    "lRn6gLVtoEikDLrYFXN6Hh6Wmyy1GTnspnOvMvz2lLKuym9KYdYLDgnj3BeAvzIhVzzYSeU77/Cupofj093OuAsw"
    "W0jYvXsGTyix6B3dbW5yWvyS9zNXaqGaUmP3U9/b6DlHdDogMLu3VLpBB9bm5bjaKWWJYgWltCVgUbFqFqyi4+JE"
    "014cSgR57Jcu3dZiehB6UtAPgad9L5cNvua/IWRmm+ANy3O2LH++Pyl8SREzU8onbBsjMg9QDiSf5oJLKvd/Ren+"
    "zGY7"
)
_YUBICO_1: Final = (
    "MIIDPjCCAiagAwIBAgIUXzeiEDJEOTt14F5n0o6Zf/bBwiUwDQYJKoZIhvcNAQENBQAwJDEiMCAGA1UEAwwZWXVi"
    "aWNvIEF0dGVzdGF0aW9uIFJvb3QgMTAgFw0yNDEyMDEwMDAwMDBaGA85OTk5MTIzMTIzNTk1OVowJDEiMCAGA1UE"
    "AwwZWXViaWNvIEF0dGVzdGF0aW9uIFJvb3QgMTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAMZ6/TxM"
    "8rIT+EaoPvG81ontMOo/2mQ2RBwJHS0QZcxVaNXvl12LUhBZ5LmiBScIZd1Rnx1od585h+/dhK7hEm7JAALkKKts"
    "1fO53KGNLZujz5h3wGncr4hyKF0G74b/U3K9hE5mGND6zqYchCRAHfrYMYRDF4YL0X4D5nGdxvppAy6nkEmtWmMn"
    "wO3i0TAucsrbE485HvGM4r0VpgVdJpvgQjiTJCTIq+D35hwtT8QDIv+nGvpcyi5wcIfCkzyCimJukhYy6KoqNMKQ"
    "EdpNiSOvWyDMTMt1bwCvEzpw91u+msUt4rj0efnO9s0ZOwdwMRDnH4xgUl5ZLwrrPkfC1/0CAwEAAaNmMGQwHQYD"
    "VR0OBBYEFNLu71oijTptXCOXPfKF1SbxJXuSMB8GA1UdIwQYMBaAFNLu71oijTptXCOXPfKF1SbxJXuSMBIGA1Ud"
    "EwEB/wQIMAYBAf8CAQMwDgYDVR0PAQH/BAQDAgGGMA0GCSqGSIb3DQEBDQUAA4IBAQC3IW/sgB9pZ8apJNjxuGoX"
    "+FkILks0wMNrdXL/coUvsrhzsvl6mePMrbGJByJ1XnquB5sgcRENFxdQFma3mio8Upf1owM1ZreXrJ0mADG2Bplq"
    "bJnxiyYa+R11reIFTWeIhMNcZKsDZrFAyPuFjCWSQvJmNWe9mFRYFgNhXJKkXIb5H1XgEDlwiedYRM7VolBNlld6"
    "pRFKlX8ust6OTMOeADl2xNF0m1LThSdeuXvDyC1g9+ILfz3S6OIYgc3iroRcFD354g7rKfu67qFAw9gC4yi0xBTP"
    "rY95rh4/HqaUYCA/L8ldRk6H7Xk35D+WVpmq2Sh/xT5HiFuhf4wJb0bK"
)

APPLE: Final = (base64.b64decode(_APPLE),)
"""In DER."""

YUBICO: Final = (base64.b64decode(_YUBICO_PIV), base64.b64decode(_YUBICO_1))
"""In DER; the second is of YubiKeys since 5.7.4."""


def configured(written: str) -> Sequence[bytes]:
    """Read `attestationRoots`: PEM in base64; none where nothing is written. Raises FormatError."""
    if not written:
        return ()
    try:
        return pem.certificates(base64.b64decode(written, validate=True))
    except binascii.Error:
        raise FormatError("attestationRoots: not in base64") from None
