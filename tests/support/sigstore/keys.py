"""Keys and certificates that live as long as a test."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PASSWORD = "test"  # noqa: S105 # of a key that is made for one test
NO_USAGE = dict.fromkeys(
    (
        "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
        "decipher_only", "digital_signature", "key_cert_sign", "crl_sign",
    ),
    False,
)  # fmt: skip


def name(common: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "test"), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )


def private(key: ec.EllipticCurvePrivateKey, path: Path, password: str = "", form: str = "PKCS8") -> Path:
    """Write a private key as PEM: PKCS8, or TraditionalOpenSSL (SEC1)."""
    secret: KeySerializationEncryption = NoEncryption()
    if password:
        secret = BestAvailableEncryption(password.encode())
    path.write_bytes(key.private_bytes(Encoding.PEM, getattr(PrivateFormat, form), secret))
    return path


def key_pair(folder: Path, of: str, form: str = "PKCS8") -> tuple[Path, Path]:
    """A private and a public key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = folder / f"{of}.pub"
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private(key, folder / f"{of}.key", form=form), public


class Authority:
    """A certificate authority: its certificate is in `certificate`, its key, encrypted with PASSWORD, in `key`."""

    def __init__(self, folder: Path, of: str) -> None:
        self.secret = ec.generate_private_key(ec.SECP256R1())
        self.subject = name(of)
        self.signed = self._sign(self.subject, self.secret.public_key(), authority=True)
        self.certificate = folder / f"{of}.pem"
        self.certificate.write_bytes(self.signed.public_bytes(Encoding.PEM))
        self.key = private(self.secret, folder / f"{of}.key", PASSWORD, "TraditionalOpenSSL")

    def server(self, host: str, folder: Path) -> tuple[Path, Path]:
        """A certificate and key of a server with this name."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = folder / f"{host}.pem"
        certificate.write_bytes(self._sign(name(host), key.public_key(), host=host).public_bytes(Encoding.PEM))
        return certificate, private(key, folder / f"{host}.key")

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, host: str = "", authority: bool = False
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        usage = {"key_cert_sign": True, "crl_sign": True} if authority else {"digital_signature": True}
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=1 if authority else None), critical=True)
            .add_extension(x509.KeyUsage(**(NO_USAGE | usage)), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )
        if host:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            # Python 3.13 and later refuse a certificate without.
            issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.secret.public_key())
            builder = builder.add_extension(issuer, critical=False)
        return builder.sign(self.secret, hashes.SHA256())
