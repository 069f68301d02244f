"""The files for docker, as far as they can be checked without an engine."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from stack.application import ALLOCATOR, WORKERS
from stack.entrance import FASTPATH, Fastpath
from stack.gateway import Upstreams, server
from stack.gateway.server import TEMPLATE
from stack.postgres import settings
from stack.topology import PARTS
from tests.stack.filled_gateway import SCRIPT, exported

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
COMPOSE = ROOT / "docker-compose.yml"


def _services() -> dict:
    return yaml.safe_load(COMPOSE.read_text())["services"]


def test_the_compose_file_follows_its_specification():
    program = str(PROGRAMS / "check-jsonschema")
    command = [program, "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_hadolint_finds_nothing_in_the_dockerfile():
    command = [str(PROGRAMS / "hadolint"), str(ROOT / "Dockerfile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_part_has_its_service():
    names = {"relay", *(f"worker-{name}" for name in WORKERS if name != "relay")}
    names |= {"fastpath-sale", "setup", "state-metrics"}
    assert set(_services()) == set(PARTS) - {"workers"} | names


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_serves_the_queues_that_it_serves_in_the_local_stack(name):
    command = _services()["relay" if name == "relay" else f"worker-{name}"]["command"]
    queues, threads, _ = WORKERS[name]
    assert command[command.index("-Q") + 1] == queues
    assert command[command.index("-c") + 1] == str(threads)


@pytest.mark.parametrize("name", FASTPATH)
def test_the_service_in_front_of_the_api_runs_as_in_the_local_stack(name):
    local = list(Fastpath(name, {}, 8002, reload=False).argv)
    command = _services()[name]["command"]
    differ = {"--host"}
    assert command[:3] == ["python", *local[1:3]] == ["python", "-m", "fastpath"]

    def options(argv):
        return {tuple(argv[i : i + 2]) for i, word in enumerate(argv) if word.startswith("--")}

    assert {one for one in options(local) ^ options(command) if one[0] not in differ} == set()


def test_the_gateway_leads_to_the_services_as_in_the_local_stack():
    local = Upstreams({"api": 8000}, {"fastpath": 8002}, {"fastpath-sale": 8002}, 8005)
    given = exported(_services()["gateway"]["environment"])
    hosts = {"API": "api", "FASTPATH": "fastpath", "FASTPATH_SALE": "fastpath-sale"}
    hosts |= {"STREAM": "stream", "LINE": "fastpath"}
    words = local.words(Path("drained"))
    for word in ("REDUCED_UPSTREAMS", "DRAINED"):  # nothing watches, or takes one out, there
        assert words.pop(word)
        assert given[word] == ""
    for word, line in words.items():
        of = word.removesuffix("_SERVERS").removesuffix("_BACKUPS")
        assert given[word].strip() == line.replace("127.0.0.1", hosts.get(of, ""))


def test_several_services_stand_behind_it_as_in_the_local_stack_with_spare_parts():
    fastpaths = {"fastpath-1": 8102, "fastpath-2": 8202, "fastpath-3": 8302}
    local = Upstreams({"a": 1, "b": 2}, fastpaths, {"sale-1": 8103, "sale-2": 8203}, 8005)
    words = local.words(Path("drained"))
    given = exported(
        {
            "API": "127.0.0.1:1,127.0.0.1:2",
            "FASTPATHS": "127.0.0.1:8102,127.0.0.1:8202,127.0.0.1:8302",
            "FASTPATH_SALES": "127.0.0.1:8103,127.0.0.1:8203",
        }
    )
    for word in ("API", "FASTPATH", "FASTPATH_SALE", "LINE"):
        assert given[f"{word}_SERVERS"].split() == words[f"{word}_SERVERS"].split()
    assert given["API_BACKUPS"].split() == words["API_BACKUPS"].split()
    assert given["LINE"] == words["LINE"] == "on"


def test_what_a_service_waits_for_exists_and_says_when_it_is_well():
    services = _services()
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services, name
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[needed], needed


def test_every_image_is_pinned_to_a_release():
    images = [service["image"] for service in _services().values()]
    assert all(re.search(r":v?\d+\.\d+\.?\d*|:local$", image) for image in images), images


def test_the_image_has_every_package_of_the_product_alone():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = set(project["tool"]["importlinter"]["root_packages"])
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert packages - let_in == {"stack", "drills", "observability", "release"}
    assert "docs/events" in let_in  # the API serves the schemas
    # The gateway beside it takes its template and its trusted hops from there.
    assert {"stack/gateway/nginx.conf.template", "stack/container/gateway.envsh"} <= let_in


def test_the_image_has_the_allocator_settings_of_the_local_stack():
    text = (ROOT / "Dockerfile").read_text()
    assert [n for n, value in ALLOCATOR.items() if f"{n}={value}" not in text] == []


def test_secrets_come_from_outside_and_have_no_default():
    text = COMPOSE.read_text()
    for name in (
        "SECRET_KEY", "OPS_TOKEN", "FLOWER_PASSWORD", "APPLICATION_PASSWORD",
        "DEMO_ADMIN_PASSWORD", "FRONTROW_DEMO_PASSWORD", "POSTGRES_PASSWORD",
        "REPLICATION_PASSWORD", "PAYMENT_GATEWAY_SECRET", "PAYMENT_WEBHOOK_SECRETS",
        "SANDBOX_WEBHOOK_SECRET",
    ):  # fmt: skip
        assert re.search(r"\$\{" + name + r":\?", text), name
    assert not re.search(r"(PASSWORD|SECRET_KEY|OPS_TOKEN):-", text)


def test_who_sends_webhooks_knows_the_one_secret_that_it_signs_with():
    environment = _services()["sandbox"]["environment"]
    assert environment["SANDBOX_WEBHOOK_SECRET"].startswith("${SANDBOX_WEBHOOK_SECRET:?")
    assert "PAYMENT_WEBHOOK_SECRETS" not in environment


def test_nothing_runs_as_root_but_in_images_that_step_down_themselves():
    for name, service in _services().items():
        ours = service["image"] == "frontrow:local"  # USER in the Dockerfile
        assert ours or service["image"].startswith("apache/kafka:") or service["user"], name
    assert re.search(r"^USER \d{4,}:\d{4,}$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_ports_are_published_to_this_machine_alone():
    published = [port for service in _services().values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_gateway_renders_the_template_of_the_local_stack():
    gateway = _services()["gateway"]
    words = set(re.findall(r"\$\{([A-Z_]+)\}", TEMPLATE.read_text()))
    assert words <= exported(gateway["environment"]).keys()
    limits = {word: int(gateway["environment"][word]) for word in server.RATES}
    assert limits == server.RATES
    assert any(str(TEMPLATE.relative_to(ROOT)) in volume for volume in gateway["volumes"])
    # The image puts in every variable it knows, in both of a shell's forms: nginx's own names,
    # all of them small letters, must be none of them.
    assert not {name for name in gateway["environment"] if name.islower()}


def test_the_shell_scripts_are_well_formed():
    for script in (ROOT / "stack" / "container").glob("*.*sh"):
        subprocess.run(["sh", "-n", str(script)], check=True)


@pytest.mark.parametrize("hops", [0, 1, 2, 3])
def test_the_gateway_finds_its_trusted_hops_as_in_the_local_stack(hops):
    given = exported({"TRUSTED_PROXIES": "10.0.0.0/8,192.0.2.1/32", "TRUSTED_HOPS": str(hops)})
    for word, line in server.trusted(["10.0.0.0/8", "192.0.2.1/32"], hops).items():
        assert " ".join(given[word].split()) == line
    assert SCRIPT.stat().st_mode & 0o111  # else the image leaves it out


def test_nginx_shows_its_own_figures_as_in_the_local_stack():
    assert exported({"STATUS_LISTEN": "0.0.0.0:8081"})["STATUS_SERVER"] == server.status_server(
        "0.0.0.0:8081"
    )
    assert exported({})["STATUS_SERVER"] == ""


def test_the_image_has_the_gateways_template_and_what_fills_it():
    """A pod's gateway takes them from the image, so that they come and go with the release."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    for path in (SCRIPT, TEMPLATE):
        assert f"!{path.relative_to(ROOT)}" in lines


def test_the_databases_log_no_values_there_either():
    for name in ("primary", "replica"):
        command = _services()[name]["command"]
        for setting, value in settings.NO_VALUES.items():
            assert f"-c{setting}={value}" in command, (name, setting)
    script = (ROOT / "stack" / "container" / "primary.sh").read_text()
    assert "ALTER ROLE frontrow SET log_min_messages = 'fatal';" in script
