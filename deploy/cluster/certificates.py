"""Keys and certificates of one cluster: an authority of its own, which nothing else trusts."""

import base64
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stack.os_users import private_file
from stack.service import HOST

# Longer than any cluster runs: each start makes its own.
_VALID = timedelta(days=30)
_CLOCKS_MAY_DIFFER = timedelta(minutes=5)
# Who a component is to the API server: its name, and at will a group.
CLIENTS = {
    "admin": ("frontrow-admin", "system:masters"),
    "controller-manager": ("system:kube-controller-manager", None),
    "scheduler": ("system:kube-scheduler", None),
}
_SERVES = ("localhost", "kubernetes", "kubernetes.default.svc")


@dataclass(frozen=True)
class Authority:
    """Who signs the certificates of a cluster; its key is never written down."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls) -> "Authority":
        """Make one for a new cluster."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("frontrow-cluster")
        builder = _begun(name, name, key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        return cls(key, _with_keys(builder, key, key).sign(key, hashes.SHA256()))

    def issue(self, name: str, group: str | None, *, serves: bool = False) -> tuple[str, str]:
        """Return a certificate and its key as PEM, for a client or for a server on loopback."""
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = _begun(_name(name, group), self.certificate.subject, key)
        if serves:
            usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
            names: list[x509.GeneralName] = [x509.DNSName(one) for one in _SERVES]
            names.append(x509.IPAddress(ipaddress.ip_address(HOST)))
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        signed = _with_keys(builder, key, self.key).sign(self.key, hashes.SHA256())
        return _pem(signed), _private(key)


@dataclass(frozen=True)
class Certificates:
    """The files that the components read, in a folder that only its owner can enter."""

    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "ca.crt"

    @property
    def server(self) -> Path:
        """The certificate of every server, and of the API server as etcd's client."""
        return self.folder / "server.crt"

    @property
    def server_key(self) -> Path:
        return self.folder / "server.key"

    @property
    def accounts_key(self) -> Path:
        """What the tokens of service accounts are signed by."""
        return self.folder / "accounts.key"

    @property
    def accounts_public(self) -> Path:
        return self.folder / "accounts.pub"

    def kubeconfig(self, client: str) -> Path:
        """Return the way to the API server of one of CLIENTS."""
        return self.folder / f"{client}.kubeconfig"


def make(folder: Path, api_port: int) -> Certificates:
    """Write everything new into `folder` and return where it is."""
    files = Certificates(folder)
    authority = Authority.make()
    root = _pem(authority.certificate)
    private_file(files.authority, root)
    certificate, key = authority.issue("frontrow-cluster-server", None, serves=True)
    private_file(files.server, certificate)
    private_file(files.server_key, key)
    accounts = ec.generate_private_key(ec.SECP256R1())
    private_file(files.accounts_key, _private(accounts))
    public = accounts.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private_file(files.accounts_public, public.decode())
    for client, (name, group) in CLIENTS.items():
        pair = authority.issue(name, group)
        private_file(files.kubeconfig(client), _kubeconfig(root, *pair, api_port))
    return files


def _kubeconfig(root: str, certificate: str, key: str, port: int) -> str:
    def encoded(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    name = "frontrow"
    cluster = {"server": f"https://{HOST}:{port}", "certificate-authority-data": encoded(root)}
    user = {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
    )


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_MAY_DIFFER)
        .not_valid_after(now + _VALID)
    )


def _with_keys(
    builder: x509.CertificateBuilder,
    own: ec.EllipticCurvePrivateKey,
    issuer: ec.EllipticCurvePrivateKey,
) -> x509.CertificateBuilder:
    """Name both keys, as strict clients (Python's own) want it of a chain."""
    return builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False
    ).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False
    )


def _name(name: str, group: str | None = None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if group:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    return x509.Name(parts)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _private(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
