"""The processes of a cluster: what each is started with, and how it says that it is ready."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from deploy.cluster import contents
from deploy.cluster.certificates import Certificates
from deploy.cluster.kubectl import Kubectl, Refused
from deploy.cluster.stages import awaiting
from deploy.tools.build import tool
from stack.errors import StackError
from stack.os_users import private_file, private_folder
from stack.process import Command
from stack.service import HOST, Service, server_environment

SERVICES = "10.96.0.0/16"  # addresses that nothing answers at: there is no network in between
PORTS = (
    *("etcd", "etcd-peer", "api-server", "controller-manager", "scheduler", "kwok"),
    *("rollouts", "rollouts-metrics"),
)


@dataclass(frozen=True)
class Site:
    """Where one cluster has its files and its ports."""

    folder: Path
    certificates: Certificates
    ports: Mapping[str, int]
    awaited: str = ""  # the component whose pods run once they are said to

    def url(self, port: str, scheme: str = "https") -> str:
        """Return the address at one of PORTS."""
        return f"{scheme}://{HOST}:{self.ports[port]}"

    @property
    def kubectl(self) -> Kubectl:
        """The way of somebody who may do everything."""
        return Kubectl(self.certificates.kubeconfig("admin"))


class Process(Service):
    """A program that says by HTTP that it is ready."""

    ready_seconds = 240  # on a machine with much else to do; 8 s on an idle one
    stop_seconds = 10

    def __init__(
        self, name: str, argv: tuple[str, ...], site: Site, asked: str, after: tuple[str, ...] = ()
    ) -> None:
        self.name = self.part = name
        self.after = after
        self._argv = argv
        self._site = site
        self._asked = asked

    def prepare(self, failures: int) -> None:
        private_folder(self._site.folder)

    def command(self) -> Command:
        return Command(
            argv=self._argv,
            environment=server_environment({"HOME": str(self._site.folder)}),
            directory=self._site.folder,
            niceness=5,  # people who work on this machine go first
        )

    def ready(self) -> bool:
        try:
            return (
                httpx.get(
                    self._asked, verify=_trusting(self._site), trust_env=False, timeout=1
                ).status_code
                == 200
            )
        except httpx.HTTPError:
            return False


class Contents(Service):
    """What is made in the cluster before others may start; no process."""

    def __init__(self, name: str, made: Callable[[], None], after: tuple[str, ...]) -> None:
        self.name = self.part = name
        self.after = after
        self._made = made

    def prepare(self, failures: int) -> None:
        try:
            self._made()
        except Refused as refused:
            raise StackError(f"{self.name}: {refused}") from refused

    def command(self) -> None:
        return None


def components(site: Site) -> list[Service]:
    """Return everything of a cluster. Raises NoTool where a program can't be built."""
    return [
        _etcd(site),
        _api_server(site),
        Contents("definitions", lambda: _define(site.kubectl), after=("api-server",)),
        _controller_manager(site),
        _scheduler(site),
        _kwok(site),
        Contents("nodes", lambda: _join(site.kubectl), after=("kwok", "controller-manager")),
        _rollouts(site),
    ]


def _etcd(site: Site) -> Process:
    files, own, peer = site.certificates, site.url("etcd"), site.url("etcd-peer")
    argv = (
        *(str(tool("etcd")), "--name", "etcd", "--data-dir", str(site.folder / "etcd")),
        *("--listen-client-urls", own, "--advertise-client-urls", own),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
        *("--initial-cluster", f"etcd={peer}"),
        *("--cert-file", str(files.server), "--key-file", str(files.server_key)),
        *("--trusted-ca-file", str(files.authority), "--client-cert-auth"),
        *("--peer-cert-file", str(files.server), "--peer-key-file", str(files.server_key)),
        *("--peer-trusted-ca-file", str(files.authority), "--peer-client-cert-auth"),
        # Nothing here outlives a power cut.
        *("--unsafe-no-fsync", "--log-level", "warn"),
    )
    return Process("etcd", argv, site, f"{own}/health")


def _api_server(site: Site) -> Process:
    files = site.certificates
    argv = (
        *(str(tool("kubernetes", "kube-apiserver")), "--bind-address", HOST),
        *("--secure-port", str(site.ports["api-server"]), "--advertise-address", HOST),
        # Who would listen at the Service `kubernetes` is on loopback, which no endpoint may be.
        *("--endpoint-reconciler-type", "none", "--service-cluster-ip-range", SERVICES),
        *("--etcd-servers", site.url("etcd"), "--etcd-cafile", str(files.authority)),
        *("--etcd-certfile", str(files.server), "--etcd-keyfile", str(files.server_key)),
        *("--tls-cert-file", str(files.server), "--tls-private-key-file", str(files.server_key)),
        *("--client-ca-file", str(files.authority), "--authorization-mode", "Node,RBAC"),
        *("--service-account-issuer", "https://kubernetes.default.svc"),
        *("--service-account-key-file", str(files.accounts_public)),
        *("--service-account-signing-key-file", str(files.accounts_key)),
        # So that Pod Security is who refuses, as elsewhere.
        *("--allow-privileged=true", "--profiling=false", "--v", "0"),
    )
    asked = f"{site.url('api-server')}/readyz"
    return Process("api-server", argv, site, asked, after=("etcd",))


def _controller_manager(site: Site) -> Process:
    files, name = site.certificates, "controller-manager"
    argv = (
        *(str(tool("kubernetes", "kube-controller-manager")), *_with_api(site, name)),
        *("--service-account-private-key-file", str(files.accounts_key)),
        *("--root-ca-file", str(files.authority), "--use-service-account-credentials=true"),
    )
    return Process(name, argv, site, f"{site.url(name)}/healthz", after=("api-server",))


def _scheduler(site: Site) -> Process:
    name = "scheduler"
    argv = (str(tool("kubernetes", "kube-scheduler")), *_with_api(site, name))
    return Process(name, argv, site, f"{site.url(name)}/healthz", after=("api-server",))


def _with_api(site: Site, name: str) -> tuple[str, ...]:
    files = site.certificates
    return (
        *("--kubeconfig", str(files.kubeconfig(name)), "--leader-elect=false"),
        *("--bind-address", HOST, "--secure-port", str(site.ports[name])),
        *("--tls-cert-file", str(files.server), "--tls-private-key-file", str(files.server_key)),
        *("--profiling=false", "--v", "0"),
    )


def _kwok(site: Site) -> Process:
    """Its own stages: a node is ready, a pod runs at once, and one of a Job has ended well."""
    port = site.ports["kwok"]
    config: tuple[str, ...] = ()
    if site.awaited:
        stages = private_file(private_folder(site.folder) / "stages.yaml", awaiting(site.awaited))
        config = ("--config", str(stages))
    argv = (
        *(str(tool("kwok")), *config, "--kubeconfig", str(site.certificates.kubeconfig("admin"))),
        *("--manage-all-nodes=true", "--server-address", f"{HOST}:{port}"),
        *("--node-lease-duration-seconds", "40", "--cidr", "10.244.0.0/16"),
    )
    asked = f"{site.url('kwok', 'http')}/healthz"
    return Process("kwok", argv, site, asked, after=("api-server",))


def _rollouts(site: Site) -> Process:
    """Its two ports are open on every address: the controller has no word for another."""
    argv = (
        *(str(tool("argo-rollouts")), "--kubeconfig", str(site.certificates.kubeconfig("admin"))),
        *("--healthzPort", str(site.ports["rollouts"]), "--leader-elect=false"),
        *("--metricsPort", str(site.ports["rollouts-metrics"]), "--loglevel", "info"),
    )
    asked = f"{site.url('rollouts', 'http')}/healthz"
    return Process("rollouts", argv, site, asked, after=("definitions",))


def _define(kubectl: Kubectl) -> None:
    # A new API server is slow to describe itself, and whole definitions need no second look.
    kubectl.apply(contents.kinds(), "--validate=ignore")
    kubectl.run("wait", "--for=condition=Established", "--timeout=60s", *contents.names_of_kinds())
    kubectl.apply([*contents.namespaces(), *contents.guards()], "--validate=ignore")


def _join(kubectl: Kubectl) -> None:
    nodes = [node for zone in contents.ZONES for node in contents.nodes(zone)]
    kubectl.join(nodes)
    kubectl.run("wait", "--for=condition=Ready", "--timeout=60s", "nodes", "--all")


def _trusting(site: Site) -> ssl.SSLContext:
    """Trust the cluster's servers alone, and show them a certificate that etcd takes."""
    files = site.certificates
    context = ssl.create_default_context(cafile=str(files.authority))
    context.load_cert_chain(files.server, files.server_key)
    return context
