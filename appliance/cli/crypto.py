"""`hearth crypto`: the group; each of its commands is a module of its own."""

from appliance.cli.command import StepGroup

crypto = StepGroup(
    "crypto",
    help=(
        "Make, show and convert keys; sign, verify and encrypt with them.\n\n"
        "\b\nExamples:\n"
        "  $ hearth crypto keypair foo.pub foo.key\n"
        "  $ hearth crypto change-pass foo.key"
    ),
    lazy={
        "change-pass": (
            "appliance.cli.crypto_change_pass:change_pass",
            "change the password of a private key",
        ),
        "hash": (
            "appliance.cli.crypto_hash:hash_group",
            "print and compare digests of files and directories",
        ),
        "jose": ("appliance.cli.crypto_jose:jose", "turn JOSE messages from one form to the other"),
        "jwe": ("appliance.cli.crypto_jwe:jwe", "encrypt and decrypt messages by JWE"),
        "jwk": ("appliance.cli.crypto_jwk:jwk", "make JSON Web Keys, and keep them in sets"),
        "jws": ("appliance.cli.crypto_jws:jws", "sign and verify messages by JWS"),
        "jwt": ("appliance.cli.crypto_jwt:jwt", "sign, verify and show JSON Web Tokens"),
        "kdf": ("appliance.cli.crypto_kdf:kdf", "hash passwords, and compare with a hash"),
        "key": ("appliance.cli.crypto_key:key", "show and convert keys, sign and verify"),
        "keypair": ("appliance.cli.crypto_keypair:keypair", "make a public and a private key"),
        "otp": ("appliance.cli.crypto_otp:otp", "make and check one-time passwords"),
        "rand": ("appliance.cli.crypto_rand:rand", "print random text, numbers and words"),
    },
    absent={
        "nacl": "this version has no NaCl; use 'crypto jwe' to encrypt and 'crypto key' to sign",
        "winpe": "this version does not read Windows programs; use osslsigncode",
    },
)
