"""A Kafka that wants TLS, a name and a password, as in production."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from stack.kafka import Kafka
from stack.kafka.broker import CLUSTER_ID, PROPERTIES
from stack.os_users import private_folder
from stack.process import Tools
from stack.service import HOST, free_ports

USER = "frontrow"
PASSWORD = "orange-harbour-97"


class SecureKafka(Kafka):
    """One node whose only open door is SASL_SSL with SCRAM-SHA-512."""

    def __init__(self, folder: Path, jars: Path, tools: Tools) -> None:
        port, controller, self.internal = free_ports(3)
        super().__init__(port, controller, folder, jars, tools)

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"  # the name in the certificate

    def prepare(self, failures: int) -> None:
        private_folder(self.folder)
        key, certificate = self_signed("localhost")
        (self.folder / "ca.pem").write_text(certificate)
        (self.folder / "broker.pem").write_text(key + certificate)
        properties = self.folder / "server.properties"
        properties.write_text(self._properties())
        self.tools.run(
            self._java(
                "kafka.tools.StorageTool",
                *("format", "--cluster-id", CLUSTER_ID, "--config", str(properties)),
                *("--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"),
            ),
            timeout=60,
        )

    def _properties(self) -> str:
        plain = PROPERTIES.format(
            host=HOST,
            port=self.internal,
            controller=self.controller,
            logs=self.folder / "logs",
            number=1,
            voters=f"1@{HOST}:{self.controller}",
            copies=1,
            in_sync=1,
        )
        changed = {
            "listeners": f"SASL_SSL://{HOST}:{self.port},INSIDE://{HOST}:{self.internal},"
            f"CONTROLLER://{HOST}:{self.controller}",
            "advertised.listeners": f"SASL_SSL://{self.address},INSIDE://{HOST}:{self.internal}",
            "inter.broker.listener.name": "INSIDE",
            "listener.security.protocol.map": "SASL_SSL:SASL_SSL,INSIDE:PLAINTEXT,"
            "CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": "org.apache.kafka.common"
            ".security.scram.ScramLoginModule required;",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.folder / "broker.pem"),
        }
        kept = [line for line in plain.splitlines() if line.partition("=")[0] not in changed]
        return "\n".join([*kept, *(f"{name}={value}" for name, value in changed.items())]) + "\n"


def self_signed(host: str) -> tuple[str, str]:
    """Return a key and a certificate for `host` that vouches for itself, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoded = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return encoded.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()
