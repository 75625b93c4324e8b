"""A certificate authority of a test, and the certificates that it issues."""

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def make_certificates(folder: Path, days: float = 1) -> Path:
    """Write `ca.pem`, and `cert.pem` with `key.pem` for this machine, valid for so long. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    authority, authority_key = _sign("Blytz test authority", None, days)
    own, own_key = _sign("localhost", (authority, authority_key), days)
    (folder / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    (folder / "cert.pem").write_bytes(own.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        own_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return folder


Signed = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _sign(name: str, by: Signed | None, days: float) -> Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signing_key = (by[0].subject, by[1]) if by else (subject, key)
    now = dt.datetime.now(dt.UTC)
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key())
    local = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issued_by, critical=False)
        .add_extension(x509.SubjectAlternativeName(local), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=by is None,
                crl_sign=by is None,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    return builder.sign(signing_key, hashes.SHA256()), key
