"""Where webhooks may go: the form of URLs, and which addresses are public."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.targets import TargetRefused, WebhookTarget, check_addresses, target_of

SOMEWHERE = WebhookTarget("https", "hooks.example.com", 443, "/")


@pytest.fixture
def strict(settings):
    settings.WEBHOOKS_TO_LOOPBACK = False


@pytest.mark.parametrize(
    ("url", "target", "authority"),
    [
        ("https://a.example/x?y=1", ("https", "a.example", 443, "/x?y=1"), "a.example"),
        ("https://A.Example", ("https", "a.example", 443, "/"), "a.example"),
        ("https://a.example:8443?q", ("https", "a.example", 8443, "/?q"), "a.example:8443"),
        ("https://8.8.8.8/", ("https", "8.8.8.8", 443, "/"), "8.8.8.8"),
        ("https://[2600::1]:1024/", ("https", "2600::1", 1024, "/"), "[2600::1]:1024"),
        ("https://xn--o39a.example/", ("https", "xn--o39a.example", 443, "/"), "xn--o39a.example"),
    ],
)
def test_a_url_is_read_once_and_strictly(strict, url, target, authority):
    found = target_of(url)
    assert found == WebhookTarget(*target)
    assert found.authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.example",
        "//a.example/",
        "ftp://a.example/",
        "http://a.example/",
        "http://127.0.0.1/",
        "https://",
        "https:///x",
        "https://user@a.example/",
        "https://user:pass@a.example/",
        "https://@a.example/",
        "https://a.example/#x",
        "https://a.example/#",
        "https://a.example:22/",
        "https://a.example:80/",
        "https://a.example:0/",
        "https://a.example:99999/",
        "https://a.example:x/",
        "https://a.example/ x",
        "https://a.example/\n",
        "https://a.example\\@b.example/",
        "https://가.example/",
        "https://a..example/",
        "https://-a.example/",
        "https://a.example/" + "x" * 500,
        "https://" + "a" * 300 + "/",
        "https://" + "a" * 60 + "!.example/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/",
        "https://[::1]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[fe80::1%25eth0]/",
        "https://[fd00:ec2::254]/",
    ],
)
def test_any_other_url_is_refused(strict, url):
    with pytest.raises(TargetRefused):
        target_of(url)


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.8.8.8"),
        *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1"),
        *("192.88.99.1", "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
        *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
        *("::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1"),
        *("64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1"),
        *("fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1"),
        *("2600::1%eth0", "", "nothing"),
    ],
)
def test_an_address_that_is_not_public_is_refused(strict, address):
    with pytest.raises(TargetRefused):
        check_addresses(SOMEWHERE, [address])
    with pytest.raises(TargetRefused):  # one is enough
        check_addresses(SOMEWHERE, ["8.8.8.8", address])


def test_public_addresses_are_allowed_and_a_host_needs_one(strict):
    check_addresses(SOMEWHERE, ["8.8.8.8", "2606:4700::1111", "100.63.255.255", "172.32.0.1"])
    with pytest.raises(TargetRefused):
        check_addresses(SOMEWHERE, [])


@given(st.ip_addresses())
def test_nothing_that_python_calls_private_is_allowed(address):
    try:
        check_addresses(SOMEWHERE, [str(address)])
    except TargetRefused:
        return
    assert address.is_global or address.is_loopback  # the settings of tests let loopback in
    assert not address.is_multicast
    assert isinstance(address, IPv4Address) or address.ipv4_mapped is None


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_inside_of_ipv6_is_refused(address):
    for number in (
        int(address),
        0xFFFF << 32 | int(address),
        0x64FF9B << 96 | int(address),
        0x2002 << 112 | int(address) << 80,
        0x20010000 << 96 | int(address),
    ):
        inside = IPv6Address(number)
        if not inside.is_loopback:
            with pytest.raises(TargetRefused):
                check_addresses(SOMEWHERE, [str(inside)])


@given(st.text() | st.from_regex(r"https://[!-~]{1,40}", fullmatch=True))
def test_whatever_is_given_is_a_target_or_refused(url):
    try:
        target = target_of(url)
    except TargetRefused:
        return
    assert target.path.startswith("/")
    assert target.path.isascii()
    assert not set(target.host) & set("@/\\#?%")


def test_a_developers_machine_lets_loopback_in_and_nothing_else(settings):
    settings.WEBHOOKS_TO_LOOPBACK = True
    for url in ("http://127.0.0.1:8000/", "https://127.0.0.1/", "http://[::1]/"):
        target_of(url)
    check_addresses(target_of("http://localhost:8000/"), ["::1", "127.0.0.1"])
    for url in ("http://8.8.8.8/", "http://10.0.0.1/", "https://10.0.0.1/"):
        with pytest.raises(TargetRefused):
            target_of(url)
    with pytest.raises(TargetRefused):
        check_addresses(target_of("http://a.example/"), ["8.8.8.8"])
