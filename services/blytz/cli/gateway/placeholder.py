"""A self-signed certificate for the minutes before there is a real one."""

import datetime as dt
from pathlib import Path

from blytz.kit.files import write_file

LASTS = dt.timedelta(days=90)


def write_placeholder(path: Path, domains: tuple[str, ...]) -> None:
    """Key and certificate in one file that only its owner reads. What is there already stays."""
    if path.exists():
        return
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    # A common name holds 64 characters at most; nothing reads this one.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "placeholder of Blytz")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + LASTS)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain) for domain in domains]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_file(path, secret + certificate.public_bytes(serialization.Encoding.PEM), 0o600, replace=False)
