"""Signature algorithms by step's and Go's names."""

import enum


class SignatureAlgorithm(enum.StrEnum):
    """What a certificate can be signed with."""

    ECDSA_SHA256 = "ECDSA-SHA256"
    ECDSA_SHA384 = "ECDSA-SHA384"
    ECDSA_SHA512 = "ECDSA-SHA512"
    ED25519 = "Ed25519"
    RSA_SHA256 = "SHA256-RSA"
    RSA_SHA384 = "SHA384-RSA"
    RSA_SHA512 = "SHA512-RSA"
    RSA_PSS_SHA256 = "SHA256-RSAPSS"
    RSA_PSS_SHA384 = "SHA384-RSAPSS"
    RSA_PSS_SHA512 = "SHA512-RSAPSS"
