"""Command lines of step whose answers are the same every time, and what they are given.

Every one runs in a copy of golden/inputs.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

GOLDEN: Final = Path(__file__).parent / "golden"
INPUTS: Final = GOLDEN / "inputs"
ANSWERS: Final = GOLDEN / "step.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A command line; `given` is the file that comes to standard input, `made` one it writes."""

    line: str
    given: str = ""
    made: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.line.split())

    @property
    def name(self) -> str:
        return f"{self.line} < {self.given}" if self.given else self.line


KINDS: Final = ("ec", "p384", "p521", "rsa", "okp")
VERIFYING: Final = "--iss joe --aud web"


def cases() -> list[Case]:
    return [*_keys(), *_certificates(), *_jwk(), *_jwt(), *_plain()]


def _keys() -> list[Case]:
    found = []
    for kind in KINDS:
        for file in (f"{kind}.pub", f"{kind}.key", f"{kind}.jwk"):
            found += [Case(line=f"crypto key {verb} {file}") for verb in ("inspect", "fingerprint")]
        for form in ("", "--pem", "--der", "--ssh", "--jwk", "--pem --pkcs8", "--der --pkcs8"):
            open_key = "--no-password --insecure"
            found.append(Case(line=f"crypto key format {form} {kind}.pub"))
            if form != "--ssh":  # of private keys it has a random number
                found += [
                    Case(line=f"crypto key format {form} {open_key} {kind}.{name}")
                    for name in ("jwk", "key")
                ]
        found += [
            Case(line=f"crypto key public {kind}.key"),
            Case(line=f"crypto key public {kind}.pub"),
            Case(line=f"crypto key inspect {kind}.ssh"),
            Case(line=f"crypto key format {kind}.ssh"),
            Case(line=f"crypto key fingerprint --ssh {kind}.pub"),
            Case(line=f"crypto key fingerprint --pkix --format hex {kind}.pub"),
            Case(line=f"crypto key fingerprint --sha1 {kind}.pub"),
            Case(line=f"crypto key fingerprint --raw {kind}.pub"),
        ]
    return found + [
        Case(line="crypto key format --pkcs8 --no-password --insecure", given="ec.jwk"),
        Case(line="crypto key format ec.pub --out out.der", made="out.der"),
        Case(line="crypto key fingerprint --format base64-url leaf.crt"),
        Case(line="crypto key fingerprint leaf.csr"),
        Case(line="crypto key public leaf.crt"),
        Case(line="crypto key inspect --password-file password locked.key"),
        Case(line="crypto key public --password-file password locked.key"),
        Case(line="crypto key format --der --password-file password locked.key"),
        Case(line="crypto key format --der --password-file password locked.jwe"),
        Case(line="crypto key format --pem --der ec.pub"),
        Case(line="crypto key format --no-password ec.key"),
        Case(line="crypto key inspect message"),
        Case(line="crypto key fingerprint --pkix --ssh ec.pub"),
        Case(line="crypto key fingerprint --format x ec.pub"),
        Case(line="crypto key sign --key okp.key message"),
        Case(line="crypto key sign --key rsa.key message"),
        Case(line="crypto key sign --key rsa.key --alg sha512", given="message"),
        Case(line="crypto key sign --key rsa.key --alg none message"),
        Case(line="crypto key sign message"),
        Case(line="crypto key sign --raw --key okp.key message"),
    ]


def _certificates() -> list[Case]:
    return [
        Case(line="certificate key leaf.crt"),
        Case(line="certificate key leaf.csr"),
        Case(line="certificate key leaf.crt --out out.pub", made="out.pub"),
        Case(line="certificate bundle leaf.crt root.crt out.crt", made="out.crt"),
        Case(line="certificate bundle leaf.crt message out.crt"),
        Case(line="certificate bundle leaf.crt root.crt"),
        Case(line="certificate p12 out.p12 leaf.crt"),
        Case(line="certificate p12 out.p12"),
        Case(line="certificate p12 out.p12 leaf.crt ec.key --no-password"),
        Case(line="certificate sign leaf.csr leaf.crt ec.key"),
        Case(line="certificate sign leaf.csr root.crt rsa.key"),
        Case(line="certificate sign leaf.csr root.crt ec.key --path-len -2"),
        Case(line="certificate sign leaf.csr root.crt ec.key --profile root-ca"),
        Case(
            line="certificate sign --profile intermediate-ca --path-len 1 leaf.csr root.crt ec.key"
        ),
    ]


def _jwk() -> list[Case]:
    found = []
    for kind in (*KINDS, "oct"):
        found += [
            Case(line="crypto jwk public", given=f"{kind}.jwk"),
            Case(line="crypto jwk thumbprint", given=f"{kind}.jwk"),
            Case(line="crypto jwk keyset add out.json", given=f"{kind}.jwk", made="out.json"),
        ]
    for kind in KINDS:
        line = f"crypto jwk create o.pub o.jwk --from-pem {kind}.key --no-password --insecure"
        alg = " --alg PS384" if kind == "rsa" else ""
        found += [
            Case(line=f"{line}{alg}", made="o.pub"),
            Case(line=f"{line}{alg} --kid me", made="o.jwk"),
        ]
    return found + [
        Case(line="crypto jwk create o.pub o.jwk --from-pem ec.pub", made="o.pub"),
        Case(line="crypto jwk keyset list set.json"),
        Case(line="crypto jwk keyset find set.json --kid ec"),
        Case(line="crypto jwk keyset find set.json --kid none"),
        Case(line="crypto jwk keyset remove set.json --kid ec", made="set.json"),
        Case(line="crypto jwk keyset add set.json", given="okp.jwk", made="set.json"),
        Case(line="crypto jwk keyset list message"),
        Case(line="crypto jwk create a a"),
        Case(line="crypto jwk create a b --kty none"),
        Case(line="crypto jwk create a b --kty OKP --use enc --no-password --insecure"),
        Case(line="crypto jwk create a b --no-password"),
        Case(line="crypto jwk thumbprint", given="message"),
    ]


def _jwt() -> list[Case]:
    times = "--exp 4102444800 --nbf 1 --iat 2 --jti three"
    who = "--iss joe --sub me --aud web"
    found = []
    for kind, alg in (("rsa", "RS256"), ("rsa", "RS512"), ("okp", "EdDSA"), ("oct", "HS256")):
        found.append(Case(line=f"crypto jwt sign --key {kind}.jwk --alg {alg} {who} {times}"))
        found.append(Case(line=f"crypto jws sign --key {kind}.jwk --alg {alg} message"))
    for kind in (*KINDS, "oct"):
        flags = " --alg HS256" if kind == "oct" else " --alg RS256" if kind == "rsa" else ""
        for file in (f"{kind}.jwk", *((f"{kind}.pub",) if kind != "oct" else ())):
            verify = f"--key {file}{flags}"
            found += [
                Case(line=f"crypto jwt verify {verify} {VERIFYING}", given=f"{kind}.jwt"),
                Case(line=f"crypto jwt verify {verify} {VERIFYING}", given="ended.jwt"),
                Case(line=f"crypto jws verify {verify}", given=f"{kind}.jws"),
                Case(line=f"crypto jws verify --json {verify}", given=f"{kind}.jws"),
            ]
        found += [
            Case(line="crypto jwt inspect --insecure", given=f"{kind}.jwt"),
            Case(line="crypto jws inspect --insecure", given=f"{kind}.jws"),
            Case(line="crypto jws inspect --insecure --json", given=f"{kind}.jws"),
        ]
    sign = "crypto jwt sign --key okp.jwk"
    return found + [
        Case(line=f"{sign} {who} {times} claims.json"),
        Case(line=f"{sign} {who} {times} -", given="claims.json"),
        Case(line=f"{sign} {who} {times} --aud other --header a=b"),
        Case(line=f"{sign} {who} {times} --no-kid"),
        Case(line=f"{sign} {who} {times} --kid other"),
        Case(line=f"{sign} {who} {times} --alg ES256"),
        Case(line=f"{sign} {who} {times} message"),
        Case(line=f"{sign} --subtle {times}"),
        Case(line=f"{sign} --iss a --aud b --sub c"),
        Case(line=f"{sign} --iss a --aud b --sub c --exp 1"),
        Case(line="crypto jwt sign --key okp.pub --subtle"),
        Case(line="crypto jwt sign --subtle"),
        Case(line=f"crypto jwt sign --jwks set.json --kid okp {who} {times}"),
        Case(line=f"crypto jwt sign --jwks set.json {who} {times}"),
        Case(line=f"crypto jwt sign --x5c-cert okp.crt --x5c-key okp.key {who} {times}"),
        Case(line=f"crypto jwt sign --x5t-cert okp.crt --x5t-key okp.key {who} {times}"),
        Case(line=f"crypto jwt sign --x5c-cert okp.crt --key okp.key --x5c-insecure {who} {times}"),
        Case(line=f"crypto jwt sign --x5c-cert okp.crt --x5c-key ec.key {who} {times}"),
        Case(line="crypto jws sign --key okp.jwk --typ a --cty b --jku https://c --jwk message"),
        Case(line="crypto jws sign --x5c-cert okp.crt --x5c-key okp.key", given="message"),
        Case(line=f"crypto jwt verify --key ec.pub {VERIFYING}", given="p384.jwt"),
        Case(line=f"crypto jwt verify --key ec.pub {VERIFYING}", given="okp.jwt"),
        Case(line="crypto jwt verify --key ec.pub --iss eve --aud all", given="ec.jwt"),
        Case(line="crypto jwt verify --key ec.pub --subtle", given="ec.jwt"),
        Case(line="crypto jwt verify --key ec.pub", given="ec.jwt"),
        Case(line=f"crypto jwt verify --key rsa.pub {VERIFYING}", given="rsa.jwt"),
        Case(line=f"crypto jwt verify --jwks set.json --kid ec {VERIFYING}", given="ec.jwt"),
        Case(line=f"crypto jwt verify --jwks set.json --kid no {VERIFYING}", given="ec.jwt"),
        Case(line="crypto jwt inspect", given="ec.jwt"),
        Case(line="crypto jwt inspect --insecure", given="message"),
        Case(line="crypto jwt verify --key ec.pub --subtle", given="message"),
        Case(line="crypto jws inspect", given="ec.jws"),
    ]


def _plain() -> list[Case]:
    found = [
        Case(line=f"crypto hash digest --alg {alg} message")
        for alg in ("sha1", "sha224", "sha256", "sha384", "sha512", "sha512-224", "sha512-256")
    ]
    digest = "0f4b8d2fe7a9a2c9e7cb7e3ea3a4a0d77f9fc62e5d2a9d8d3eae6f5ee0f2f8f1"
    return found + [
        Case(line="crypto hash digest message ec.pub"),
        Case(line="crypto hash digest --alg md5 message"),
        Case(line="crypto hash digest --alg md5 --insecure message"),
        Case(line="crypto hash digest --alg none message"),
        Case(line="crypto hash digest none"),
        Case(line="crypto hash digest folder"),
        Case(line=f"crypto hash compare {digest} message"),
        Case(line="crypto hash compare zz message"),
        Case(line="crypto jose format", given="ec.jwt"),
        Case(line="crypto jose format", given="ec.jws"),
        Case(line="crypto jose format", given="locked.jwe"),
        Case(line="crypto jose format", given="message"),
        Case(line="crypto jwe decrypt --password-file password", given="locked.jwe"),
        Case(line="completion none"),
        Case(line="context current"),
        Case(line="context list"),
        Case(line="context select none"),
        Case(line="context remove none"),
    ]
