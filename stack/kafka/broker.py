"""The Kafka broker: formatted once, then started; alone, or one of a cluster."""

from dataclasses import dataclass
from pathlib import Path

from stack.kafka.runtime import java
from stack.os_users import private_folder
from stack.process import Command, Tools
from stack.service import HOST, Service, listens, server_environment

LOGGING = Path(__file__).with_name("log4j2.xml")
METRICS = Path(__file__).with_name("jmx.yml")
# The identity of the cluster: any 16 bytes in base64 do, and it is nobody else's.
CLUSTER_ID = "ZnJvbnRyb3ctbG9jYWwtMQ"

PROPERTIES = """\
# Written by the stack at every start: changes made here are lost.
process.roles=broker,controller
node.id={number}
controller.quorum.voters={voters}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={logs}
# Of the topics of Kafka's own; alone there is nothing to replicate to, nobody to wait for.
offsets.topic.replication.factor={copies}
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={in_sync}
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={in_sync}
min.insync.replicas={in_sync}
offsets.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
# A topic that nobody declared is a mistake to be seen.
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=4
log.segment.bytes=33554432
log.retention.hours=72
log.retention.bytes=268435456
log.cleaner.dedupe.buffer.size=8388608
controlled.shutdown.enable=false
# A broker that comes back isn't taken until its earlier life's session has lapsed (9 s by default).
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=2000
"""


@dataclass(frozen=True)
class BrokerPlace:
    """A broker's place in its cluster: name and number, and the controllers' ports by number."""

    name: str
    number: int
    controllers: tuple[int, ...]


class Kafka(Service):
    """One Kafka node, broker and controller."""

    name = part = "kafka"
    ready_seconds = 60

    def __init__(
        self,
        port: int,
        controller: int,
        folder: Path,
        jars: Path,
        tools: Tools,
        seat: BrokerPlace | None = None,
        *,
        metrics_port: int | None = None,
    ) -> None:
        self.seat = seat or BrokerPlace(self.name, 1, (controller,))
        self.name = self.part = self.seat.name
        self.port = port
        self.controller = controller
        self.folder = folder
        self.jars = jars
        self.tools = tools
        self.metrics_port = metrics_port

    def prepare(self, failures: int) -> None:
        private_folder(self.folder)
        logs = self.folder / "logs"
        controllers = self.seat.controllers
        properties = PROPERTIES.format(
            host=HOST,
            port=self.port,
            controller=self.controller,
            logs=logs,
            number=self.seat.number,
            voters=",".join(f"{at}@{HOST}:{port}" for at, port in enumerate(controllers, 1)),
            copies=len(controllers),
            in_sync=len(controllers) // 2 + 1,
        )
        (self.folder / "server.properties").write_text(properties)
        if not (logs / "meta.properties").exists():
            self.tools.run(
                self._java(
                    "kafka.tools.StorageTool",
                    *("format", "--cluster-id", CLUSTER_ID),
                    *("--config", str(self.folder / "server.properties")),
                ),
                timeout=60,
            )

    def command(self) -> Command:
        return self._java(
            "kafka.Kafka", str(self.folder / "server.properties"), agent=self._agent()
        )

    def ready(self) -> bool:
        return listens(self.port)

    def _agent(self) -> tuple[str, ...]:
        """Return what makes the broker show metrics, where it is observed."""
        if self.metrics_port is None:
            return ()
        [jar] = self.jars.glob("jmx_prometheus_javaagent-*.jar")
        return (f"-javaagent:{jar}={HOST}:{self.metrics_port}:{METRICS}",)

    def _java(self, main: str, *arguments: str, agent: tuple[str, ...] = ()) -> Command:
        return Command(
            argv=(
                str(java()),
                *("-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:-UsePerfData"),
                "-XX:TieredStopAtLevel=1",  # a quick start matters more here than peak speed
                f"-Dlog4j2.configurationFile={LOGGING}",
                *agent,
                *("-cp", f"{self.jars}/*", main),
                *arguments,
            ),
            environment=server_environment({"HOME": str(self.folder)}),
            directory=self.folder,
        )
