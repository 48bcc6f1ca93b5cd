"""`hearth ca`: the group; each of its commands is a module of its own."""

from appliance.cli.command import StepGroup

ca = StepGroup(
    "ca",
    help=(
        "Set up a certificate authority, and get, renew and revoke certificates from one.\n\n"
        "\b\nFirst steps with a running CA:\n"
        "  $ hearth ca bootstrap --ca-url https://ca.example.com --fingerprint d9d0…5097\n"
        "  $ hearth ca certificate internal.example.com internal.crt internal.key\n"
        "  $ hearth ca renew --daemon internal.crt internal.key"
    ),
    lazy={
        "acme": ("appliance.cli.ca_acme_eab:acme", "say who may have ACME accounts"),
        "bootstrap": ("appliance.cli.ca_bootstrap:bootstrap", "trust a CA from now on"),
        "certificate": (
            "appliance.cli.ca_certificate:certificate",
            "get a certificate and its key",
        ),
        "federation": ("appliance.cli.ca_roots:federation", "fetch the federated roots"),
        "health": ("appliance.cli.ca_health:health", "ask the CA if it is well"),
        "init": ("appliance.cli.init:init", "set up a certificate authority"),
        "intermediate": (
            "appliance.cli.ca_intermediate:intermediate",
            "change to a new intermediate, or keep several",
        ),
        "policy": ("appliance.cli.ca_policy:policy", "see and change name policies"),
        "provisioner": (
            "appliance.cli.ca_provisioner:provisioner",
            "see and change the provisioners",
        ),
        "recover": (
            "appliance.cli.ca_recover:recover",
            "open the secrets of a ceremony with their shares",
        ),
        "rekey": ("appliance.cli.ca_rekey:rekey", "renew a certificate for a new key"),
        "renew": ("appliance.cli.ca_renew:renew", "renew a certificate, once or for ever"),
        "revoke": ("appliance.cli.ca_revoke:revoke", "revoke a certificate"),
        "root": ("appliance.cli.ca_roots:root", "fetch the root by its fingerprint"),
        "roots": ("appliance.cli.ca_roots:roots", "fetch all roots"),
        "sign": ("appliance.cli.ca_sign:sign", "get a certificate for a signing request"),
        "token": ("appliance.cli.ca_token:token", "make a one-time token"),
    },
)
