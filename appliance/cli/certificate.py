"""`hearth certificate`: the group; each of its commands is a module of its own."""

from appliance.cli.command import StepGroup

certificate = StepGroup(
    "certificate",
    help=(
        "Create, inspect, verify and convert certificates and requests, without a CA running.\n\n"
        "\b\nExamples:\n"
        "  $ hearth certificate inspect https://ca.example.com --roots root_ca.crt\n"
        "  $ hearth certificate verify internal.crt --roots root_ca.crt\n"
        "  $ hearth certificate needs-renewal internal.crt && systemctl reload nginx"
    ),
    lazy={
        "bundle": (
            "appliance.cli.certificate_bundle:bundle",
            "put a certificate and its issuer's into one file",
        ),
        "create": ("appliance.cli.certificate_create:create", "make a certificate or a request"),
        "fingerprint": (
            "appliance.cli.certificate_fingerprint:fingerprint",
            "print the fingerprint of a certificate",
        ),
        "format": ("appliance.cli.certificate_format:convert", "turn PEM into DER and back"),
        "inspect": (
            "appliance.cli.certificate_inspect:inspect",
            "show what a certificate or a request says",
        ),
        "install": (
            "appliance.cli.certificate_install:install",
            "make this system trust a root certificate",
        ),
        "key": (
            "appliance.cli.certificate_key:key",
            "print the public key of a certificate or a request",
        ),
        "needs-renewal": (
            "appliance.cli.certificate_needs_renewal:needs_renewal",
            "say by the exit code if a certificate is due",
        ),
        "p12": (
            "appliance.cli.certificate_p12:p12",
            "put a certificate and its key into a .p12 file",
        ),
        "sign": (
            "appliance.cli.certificate_sign:sign",
            "sign a request with a CA's key at hand",
        ),
        "uninstall": (
            "appliance.cli.certificate_install:uninstall",
            "make this system no longer trust one",
        ),
        "verify": (
            "appliance.cli.certificate_verify:verify",
            "check that a certificate leads to a root",
        ),
    },
    absent={
        "lint": "this version has no linter; let pkilint or zlint judge the file "
        "(pip install pkilint, then lint_pkix_cert lint FILE)",
    },
)
