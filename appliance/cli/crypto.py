"""`hearth crypto`: the group; each of its commands is a module of its own."""

from appliance.cli.command import StepGroup

crypto = StepGroup(
    "crypto",
    help=(
        "Make keys and change their passwords.\n\n"
        "\b\nExamples:\n"
        "  $ hearth crypto keypair foo.pub foo.key\n"
        "  $ hearth crypto change-pass foo.key"
    ),
    lazy={
        "change-pass": (
            "appliance.cli.crypto_change_pass:change_pass",
            "change the password of a private key",
        ),
        "jwk": ("appliance.cli.crypto_jwk:jwk", "make JSON Web Keys, and keep them in sets"),
        "jws": ("appliance.cli.crypto_jws:jws", "sign and verify messages by JWS"),
        "jwt": ("appliance.cli.crypto_jwt:jwt", "sign, verify and show JSON Web Tokens"),
        "key": ("appliance.cli.crypto_key:key", "show and convert keys, sign and verify"),
        "keypair": ("appliance.cli.crypto_keypair:keypair", "make a public and a private key"),
    },
)
