"""nginx takes the template as a pod's gateway fills it in from the chart's words."""

import re
import subprocess
from pathlib import Path

import pytest

from stack import gateway
from stack.data_dir import default_data
from stack.process import Tools
from tests.delivery.objects import environment, golden, pods_of
from tests.stack.filled_gateway import filled

# Names of Services, which only a cluster knows.
SERVICE = re.compile(r"\bfrontrow-[a-z0-9-]+:")


@pytest.fixture(scope="module")
def nginx() -> Path:
    downloads = default_data() / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    return gateway.nginx(downloads, Tools())


@pytest.fixture
def words(tmp_path):
    """Return production's words, of a gateway that runs here."""
    before = pods_of(golden(), "api").spec["initContainers"]
    container = next(one for one in before if one["name"] == "gateway")
    given = {name: one["value"] for name, one in environment(container).items()}
    # Debian's nginx is older than the directive of KEPT_IN_RELOAD.
    here = {"RUN": str(tmp_path), "ACCESS_LOG": str(tmp_path / "log"), "KEPT_IN_RELOAD": ""}
    return {name: SERVICE.sub("127.0.0.1:", value) for name, value in (given | here).items()}


@pytest.fixture
def tried(nginx, tmp_path):
    """Return what nginx says of a configuration: its code and its words."""

    def ask(text):
        conf = tmp_path / "nginx.conf"
        conf.write_text(text)
        command = [nginx, "-t", "-q", "-p", tmp_path, "-c", conf, "-e", "stderr"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    return ask


def test_nginx_takes_it(words, tried):
    text = filled(words)
    code, said = tried(text)
    assert code == 0, said
    assert text.count("server 127.0.0.1:8002 max_fails=1 fail_timeout=2s;") == 12 + 12 + 12
    assert "server 127.0.0.1:8000 max_fails=0;" in text
    assert "listen 8081;" in text
    assert "set_real_ip_from" not in text  # two hops: trusted by number


@pytest.mark.control
def test_control_a_word_that_is_missing_is_seen(words, tried):
    code, said = tried(filled(words | {"FASTPATHS": ""}))
    assert code != 0
    assert "no servers are inside upstream" in said
