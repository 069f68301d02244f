"""Who asks, and by which scheme, where somebody else ends TLS in front of the gateway."""

import pytest

from stack.errors import StackError
from stack.gateway import server
from stack.service import HOST

FAN = "203.0.113.9"


@pytest.fixture(scope="module")
def behind(another_for_all):
    """A gateway behind two hops of ours: this machine, and a network of load balancers."""
    return another_for_all(trusted_proxies=(f"{HOST}/32", "10.1.0.0/16"))


@pytest.fixture
def heard(behind):
    """Return client IP and scheme as the API hears of them."""
    api, client = behind

    def ask(**headers: str) -> tuple[str, str]:
        api.forget()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        assert client.get("/", headers=named).status_code == 200
        return api.seen[0]["x-forwarded-for"], api.seen[0]["x-forwarded-proto"]

    return ask


def test_a_caller_cannot_say_where_he_comes_from(client, api):
    forged = {
        "X-Forwarded-For": "1.2.3.4",
        "X-Forwarded-Proto": "https",
        "X-Real-IP": "1.2.3.4",
        "Forwarded": "for=1.2.3.4",
    }
    client.get("/", headers=forged)
    assert api.seen[0]["x-forwarded-for"] == HOST
    assert api.seen[0]["x-forwarded-proto"] == "http"
    assert not {"forwarded", "x-real-ip"} & api.seen[0].keys()


def test_a_trusted_hop_says_who_asks_and_how(heard):
    assert heard(X_Forwarded_For=FAN, X_Forwarded_Proto="https") == (FAN, "https")
    assert heard(X_Forwarded_For=FAN, X_Forwarded_Proto="http") == (FAN, "http")


def test_hops_in_a_row_are_walked_back_to_the_first_that_is_not_ours(heard):
    assert heard(X_Forwarded_For=f"1.2.3.4, {FAN}, 10.1.2.3") == (FAN, "http")


def test_what_a_fan_wrote_in_front_of_his_own_address_counts_for_nothing(heard):
    assert heard(X_Forwarded_For=f"10.1.9.9, {FAN}")[0] == FAN
    assert heard(X_Forwarded_For=f"nonsense, {FAN}")[0] == FAN


@pytest.mark.parametrize("scheme", ["ftp", "https, http", "SSL", ""])
def test_a_scheme_that_is_none_is_not_believed(heard, scheme):
    assert heard(X_Forwarded_For=FAN, X_Forwarded_Proto=scheme)[1] == "http"


def test_fans_behind_one_hop_are_distinct_in_the_log(behind):
    _, client = behind
    for ip in ("203.0.113.1", "203.0.113.2"):
        client.get("/", headers={"X-Forwarded-For": ip, "X-Request-ID": f"request-of-{ip}"})
    lines = [client.access_line(f"request-of-203.0.113.{n}") for n in (1, 2)]
    assert [line["client"] for line in lines] == ["203.0.113.1", "203.0.113.2"]
    assert {line["peer"] for line in lines} == {HOST}


@pytest.mark.control
def test_control_a_gateway_that_trusts_no_hop_takes_all_fans_for_one(another):
    api, client = another()
    for ip in ("203.0.113.1", "203.0.113.2"):
        client.get("/", headers={"X-Forwarded-For": ip, "X-Forwarded-Proto": "https"})
    assert {seen["x-forwarded-for"] for seen in api.seen} == {HOST}
    assert {seen["x-forwarded-proto"] for seen in api.seen} == {"http"}


@pytest.mark.parametrize("network", ["everybody", "10.0.0.1/8", "10.0.0.0/33", "1.2.3.4; evil"])
def test_what_is_no_network_is_said_before_anything_starts(network):
    with pytest.raises(StackError, match="FRONTROW_TRUSTED_PROXIES"):
        server.trusted([network])


# --- hops by their number: a load balancer of ours, and before it a CDN whose networks nobody lists

CDN = "198.51.100.7"


@pytest.fixture(scope="module")
def behind_two(another_for_all):
    """A gateway whose load balancer is this machine, with one hop more in front."""
    return another_for_all(trusted_proxies=(f"{HOST}/32",), trusted_hops=2)


@pytest.fixture
def heard_by_number(behind_two):
    api, client = behind_two

    def ask(*forwarded: str) -> str:
        api.forget()
        headers = [("X-Forwarded-For", one) for one in forwarded]
        assert client.get("/", headers=headers).status_code == 200
        return api.seen[0]["x-forwarded-for"]

    return ask


def test_by_number_the_caller_is_whom_the_outermost_hop_saw(heard_by_number):
    assert heard_by_number(f"{FAN}, {CDN}") == FAN
    assert heard_by_number(f"2001:db8::9,{CDN}") == "2001:db8::9"
    assert heard_by_number(FAN, CDN) == FAN  # each in a line of its own


def test_by_number_what_a_fan_wrote_in_front_counts_for_nothing(heard_by_number):
    assert heard_by_number(f"1.2.3.4, {FAN}, {CDN}") == FAN
    assert heard_by_number(f"nonsense, 10.1.2.3, {FAN}, {CDN}") == FAN


@pytest.mark.parametrize("forwarded", [CDN, "", f"nonsense, {CDN}", f"{FAN}, nonsense"])
def test_by_number_who_came_by_fewer_hops_is_the_last_of_them(heard_by_number, forwarded):
    """So nobody who reaches the load balancer directly chooses an address."""
    assert heard_by_number(forwarded) == HOST


def test_by_number_too_a_hop_that_is_none_of_ours_is_not_believed(another):
    api, client = another(trusted_proxies=("10.1.0.0/16",), trusted_hops=2)
    assert client.get("/", headers={"X-Forwarded-For": f"{FAN}, {CDN}"}).status_code == 200
    assert api.seen[0]["x-forwarded-for"] == HOST


def test_by_number_too_fans_are_distinct_in_the_log_and_in_the_limits(another):
    _, client = another(
        trusted_proxies=(f"{HOST}/32",), trusted_hops=2, limits=True, rates={"LOGIN_RATE": 1}
    )
    path = "/ko/account/"

    def logins(fan: str, count: int) -> list[int]:
        headers = {"X-Forwarded-For": f"{fan}, {CDN}", "X-Request-ID": f"request-of-{fan}"}
        return [client.post(path, headers=headers).status_code for _ in range(count)]

    assert logins("203.0.113.1", 40)[-1] == 429
    assert logins("203.0.113.2", 1) == [200]
    assert client.access_line("request-of-203.0.113.2")["client"] == "203.0.113.2"


@pytest.mark.control
def test_control_by_networks_alone_the_caller_would_be_the_cdn(another):
    api, client = another(trusted_proxies=(f"{HOST}/32",))
    client.get("/", headers={"X-Forwarded-For": f"{FAN}, {CDN}"})
    assert api.seen[0]["x-forwarded-for"] == CDN
