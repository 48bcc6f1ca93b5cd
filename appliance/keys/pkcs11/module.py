"""A vendor's module at work, within the worker: one token, one session, one operation at a time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, NoReturn, assert_never

import pkcs11
from cryptography import x509
from pkcs11 import Attribute, CertificateType, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11 import exceptions as errors
from pkcs11.constants import DEFAULT, TokenFlag

from appliance.formats import der
from appliance.issuance import parsed
from appliance.keys.pkcs11 import mechanisms, messages, objects
from appliance.keys.pkcs11.messages import Answer, ObjectName, Request
from appliance.model.errors import FormatError
from appliance.model.tokens import KeyKind

_LOST: Final = (
    errors.DeviceError, errors.DeviceRemoved, errors.TokenNotPresent, errors.SessionHandleInvalid,
    errors.SessionClosed, errors.UserNotLoggedIn, errors.ObjectHandleInvalid,
    errors.KeyHandleInvalid, errors.TokenNotRecognised, errors.SlotIDInvalid,
)  # fmt: skip
_PIN_REFUSED: Final = (errors.PinIncorrect, errors.PinInvalid, errors.PinLenRange)
_UNSUPPORTED: Final = (
    errors.MechanismInvalid, errors.MechanismParamInvalid, errors.FunctionNotSupported,
    errors.KeySizeRange, errors.KeyTypeInconsistent, errors.DomainParamsInvalid,
    errors.TemplateInconsistent, errors.TemplateIncomplete, errors.AttributeTypeInvalid,
    errors.AttributeValueInvalid, errors.TokenWriteProtected, errors.SessionReadOnly,
)  # fmt: skip
# What a public key is good for: modules such as that of TPMs refuse to be told.
_LEFT_TO_THE_TOKEN: Final = (Attribute.VERIFY, Attribute.ENCRYPT, Attribute.WRAP)
_OTHER_WAY: Final = (errors.MechanismInvalid, errors.MechanismParamInvalid)


class ModuleFailure(Exception):
    """What was asked could not be done; `kind` is one of the constants in messages."""

    def __init__(self, kind: str, reason: str = "") -> None:
        super().__init__(kind, reason)
        self.kind = kind
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """A private key as it was found."""

    object: Any
    always: bool  # each use needs the PIN
    order_octets: int


class Module:
    """The module, the token that was seen last, and a session on it."""

    def __init__(self, path: str) -> None:
        """Load and initialise it. Raises ModuleFailure."""
        try:
            self._library = pkcs11.lib(path)
        except (errors.PKCS11Error, RuntimeError, OSError) as error:
            raise ModuleFailure(messages.NO_MODULE, _reason(error)) from error
        self._token: pkcs11.Token | None = None
        self._session: pkcs11.Session | None = None
        self._pin: str | None = None
        self._keys: dict[ObjectName, _Key] = {}

    def loaded(self) -> Answer:
        """Answer that it is there."""
        return messages.Done()

    def carry_out(self, request: Request) -> Answer:
        """Do what is asked. Raises ModuleFailure."""
        try:
            return self._carried_out(request)
        except errors.PKCS11Error as error:
            _fail(error)

    def _carried_out(self, request: Request) -> Answer:
        match request:
            case messages.Load():
                raise ModuleFailure(messages.FAILED, "a module is loaded already")
            case messages.Look():
                return self._look(request)
            case messages.Open():
                return self._open(request.pin)
            case messages.LoadCertificate():
                return messages.Octets(self._load_certificate(request))
            case messages.StoreCertificate():
                return self._store_certificate(request)
            case messages.DeleteCertificate():
                return self._delete_certificate(request.name)
            case _:
                return self._for_keys(request)

    def _for_keys(self, request: messages.KeyRequest) -> Answer:
        match request:
            case messages.Find():
                return messages.Octets(self._public_key(request.name))
            case messages.Sign():
                return messages.Octets(self._sign(request))
            case messages.Create():
                return messages.Octets(self._create(request))
            case messages.ListKeys():
                return messages.Keys(self._list())
            case messages.DeleteKey():
                return self._delete_key(request.name)
            case _:
                assert_never(request)

    # ---- the token

    def _look(self, wanted: messages.Look) -> messages.Seen:
        tokens = []
        for slot in self._library.get_slots(token_present=True):
            try:
                token = slot.get_token()
            except (errors.TokenNotPresent, errors.TokenNotRecognised, errors.DeviceRemoved):
                continue
            if token.flags & TokenFlag.TOKEN_INITIALIZED:
                tokens.append(token)
        found = next((each for each in tokens if _is_wanted(each, wanted)), None)
        if found is None:
            self._forget()
            self._token = None
            return messages.Seen(present=False, others=[each.label for each in tokens])
        if self._token is None or self._token.slot != found.slot:
            self._forget()
        self._token = found
        flags = found.flags
        return messages.Seen(
            present=True,
            label=found.label,
            serial=_serial(found),
            model=f"{found.manufacturer_id} {found.model}".strip(),
            firmware=".".join(map(str, found.firmware_version)),
            login_required=bool(flags & TokenFlag.LOGIN_REQUIRED),
            pin_count_low=bool(flags & TokenFlag.USER_PIN_COUNT_LOW),
            pin_final_try=bool(flags & TokenFlag.USER_PIN_FINAL_TRY),
            pin_locked=bool(flags & TokenFlag.USER_PIN_LOCKED),
            is_open=self._session is not None,
        )

    def _open(self, pin: str | None) -> Answer:
        self._forget()
        if self._token is None:
            raise ModuleFailure(messages.LOST, "no token was seen")
        try:
            self._session = self._token.open(rw=True, user_pin=pin)
        except errors.TokenWriteProtected:
            self._session = self._token.open(rw=False, user_pin=pin)
        except errors.UserAlreadyLoggedIn:  # by a session that a failed attempt left
            self._session = self._token.open(rw=True)
        self._pin = pin
        return messages.Done()

    def _forget(self) -> None:
        session, self._session, self._pin = self._session, None, None
        self._keys.clear()
        if session is not None:
            try:
                session.close()
            except errors.PKCS11Error:
                return  # it went with its token

    def _opened(self) -> pkcs11.Session:
        if self._session is None:
            raise ModuleFailure(messages.LOST, "no session is open")
        return self._session

    # ---- keys

    def _objects(self, kind: ObjectClass, name: ObjectName) -> list[Any]:
        template: dict[Attribute, Any] = {Attribute.CLASS: kind}
        if name.identifier:
            template[Attribute.ID] = name.identifier
        if name.label:
            template[Attribute.LABEL] = name.label
        return list(self._opened().get_objects(template))

    def _only(self, kind: ObjectClass, name: ObjectName) -> Any:
        found = self._objects(kind, name)
        if not found:
            raise ModuleFailure(messages.NOT_FOUND)
        if len(found) > 1:
            raise ModuleFailure(messages.AMBIGUOUS, f"{len(found)} objects have this name")
        return found[0]

    def _private_key(self, name: ObjectName) -> _Key:
        if name not in self._keys:
            key = self._only(ObjectClass.PRIVATE_KEY, name)
            self._keys[name] = _Key(
                object=key,
                always=bool(objects.attribute(key, Attribute.ALWAYS_AUTHENTICATE)),
                order_octets=objects.order_octets(key),
            )
        return self._keys[name]

    def _public_key(self, name: ObjectName) -> bytes:
        found = self._public_half(self._private_key(name).object)
        if not found:
            raise ModuleFailure(
                messages.NOT_FOUND, "the key is there, but no public key or certificate beside it"
            )
        return found

    def _public_half(self, key: Any) -> bytes:
        """Find it in the object beside it, in the key itself, or in its certificate."""
        name = _name(key)
        beside = self._objects(ObjectClass.PUBLIC_KEY, name) if name.identifier else []
        if not beside:
            beside = self._objects(ObjectClass.PUBLIC_KEY, ObjectName(b"", name.label))
        for each in (*beside, key):
            if public := objects.public_key(each):
                return objects.encoded(public)
        for each in self._objects(ObjectClass.CERTIFICATE, ObjectName(name.identifier)):
            if value := objects.attribute(each, Attribute.VALUE):
                try:
                    return parsed.parse(bytes(value)).public_key_info
                except FormatError:
                    continue
        return b""

    def _sign(self, request: messages.Sign) -> bytes:
        key = self._private_key(request.name)
        given = {"pin": self._pin} if key.always and self._pin is not None else {}
        refused: Exception | None = None
        for way in _ways(request, key.order_octets):
            try:
                signature = key.object.sign(
                    way.data, mechanism=way.mechanism, mechanism_param=way.parameter, **given
                )
            except _OTHER_WAY as error:
                refused = error
                continue
            return mechanisms.in_x509_form(signature, request.algorithm)
        raise ModuleFailure(messages.UNSUPPORTED, _reason(refused)) from refused

    def _create(self, request: messages.Create) -> bytes:
        name = request.name
        if self._objects(ObjectClass.PRIVATE_KEY, name):
            raise ModuleFailure(messages.EXISTS)
        arguments: dict[str, Any] = {
            "id": name.identifier,
            "label": name.label,
            "store": True,
            "capabilities": MechanismFlag.SIGN | MechanismFlag.VERIFY,
            "public_template": dict.fromkeys(_LEFT_TO_THE_TOKEN, DEFAULT),
            "private_template": {
                Attribute.SENSITIVE: not request.extractable,
                Attribute.EXTRACTABLE: request.extractable,
            },
        }
        self._generator(request.kind)(arguments)
        return self._public_key(name)

    def _generator(self, kind: KeyKind) -> Callable[[dict[str, Any]], Any]:
        session = self._opened()
        if kind in objects.RSA_BITS:
            bits = objects.RSA_BITS[kind]
            return lambda arguments: session.generate_keypair(KeyType.RSA, bits, **arguments)
        edwards = kind is KeyKind.ED25519
        domain = session.create_domain_parameters(
            KeyType.EC_EDWARDS if edwards else KeyType.EC,
            {Attribute.EC_PARAMS: objects.EDWARDS if edwards else objects.CURVES[kind][1]},
            local=True,
        )
        mechanism = Mechanism.EC_EDWARDS_KEY_PAIR_GEN if edwards else Mechanism.EC_KEY_PAIR_GEN
        return lambda arguments: domain.generate_keypair(mechanism=mechanism, **arguments)

    def _list(self) -> list[messages.Key]:
        found = []
        for key in self._objects(ObjectClass.PRIVATE_KEY, ObjectName()):
            name = _name(key)
            public = self._public_half(key)
            kind = objects.kind_of_encoded(public)
            certificates = self._objects(ObjectClass.CERTIFICATE, ObjectName(name.identifier))
            local = objects.attribute(key, Attribute.LOCAL)
            found.append(
                messages.Key(
                    name=name,
                    kind=kind,
                    public_key=public,
                    has_certificate=bool(name.identifier and certificates),
                    generated=None if local is None else bool(local),
                    extractable=bool(objects.attribute(key, Attribute.EXTRACTABLE)),
                )
            )
        return found

    def _delete_key(self, name: ObjectName) -> Answer:
        key = self._only(ObjectClass.PRIVATE_KEY, name)
        exact = _name(key)
        for each in self._objects(ObjectClass.PUBLIC_KEY, exact):
            each.destroy()
        key.destroy()
        self._keys.clear()
        return messages.Done()

    # ---- certificates

    def _load_certificate(self, request: messages.LoadCertificate) -> bytes:
        number = int(request.serial, 16) if request.serial else None
        for each in self._objects(ObjectClass.CERTIFICATE, request.name):
            value = bytes(objects.attribute(each, Attribute.VALUE) or b"")
            if value and number in (None, _serial_number(value)):
                return value
        raise ModuleFailure(messages.NOT_FOUND)

    def _store_certificate(self, request: messages.StoreCertificate) -> Answer:
        before = self._objects(ObjectClass.CERTIFICATE, request.name)
        certificate = x509.load_der_x509_certificate(request.certificate)
        self._opened().create_object(
            {
                Attribute.CLASS: ObjectClass.CERTIFICATE,
                Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
                Attribute.TOKEN: True,
                Attribute.ID: request.name.identifier,
                Attribute.LABEL: request.name.label,
                Attribute.SUBJECT: certificate.subject.public_bytes(),
                Attribute.ISSUER: certificate.issuer.public_bytes(),
                Attribute.SERIAL_NUMBER: _integer(certificate.serial_number),
                Attribute.VALUE: request.certificate,
            }
        )
        for each in before:
            each.destroy()
        return messages.Done()

    def _delete_certificate(self, name: ObjectName) -> Answer:
        found = self._objects(ObjectClass.CERTIFICATE, name)
        if not found:
            raise ModuleFailure(messages.NOT_FOUND)
        for each in found:
            each.destroy()
        return messages.Done()


def _is_wanted(token: pkcs11.Token, wanted: messages.Look) -> bool:
    if wanted.label:
        return token.label == wanted.label
    if wanted.serial:
        return _serial(token) == wanted.serial
    return token.slot.slot_id == wanted.slot


def _serial(token: pkcs11.Token) -> str:
    return token.serial.decode("utf-8", "replace").strip(" \0")


def _name(key: Any) -> ObjectName:
    return ObjectName(
        bytes(objects.attribute(key, Attribute.ID) or b""),
        objects.attribute(key, Attribute.LABEL) or "",
    )


def _serial_number(certificate: bytes) -> int | None:
    try:
        return x509.load_der_x509_certificate(certificate).serial_number
    except ValueError:
        return None


def _integer(number: int) -> bytes:
    return der.integer(number)


def _fail(error: errors.PKCS11Error) -> NoReturn:
    kind = messages.FAILED
    if isinstance(error, _PIN_REFUSED):
        kind = messages.PIN_REFUSED
    elif isinstance(error, errors.PinLocked):
        kind = messages.PIN_LOCKED
    elif isinstance(error, _LOST):
        kind = messages.LOST
    elif isinstance(error, _UNSUPPORTED):
        kind = messages.UNSUPPORTED
    raise ModuleFailure(kind, _reason(error)) from error


def _reason(error: Exception | None) -> str:
    """Give the module's word for it; never its text, which may hold what it was given."""
    return type(error).__name__


def _ways(request: messages.Sign, octets: int) -> Iterable[mechanisms.Way]:
    message, algorithm = request.message, request.algorithm
    if request.hashed:
        return (mechanisms.way_of_digest(message, algorithm, order_octets=octets),)
    return mechanisms.ways(message, algorithm, order_octets=octets)
