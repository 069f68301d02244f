"""A gate without a network: what counts by its signature alone, and by which keys, as of when."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route

from kernel.signing.jwks import public_jwks
from kernel.text import base45
from tests.support.door_lists import CODES, answers, document, has_list, kept, printed
from tests.support.door_pages import GatePage
from tests.support.signing import rotate, signing_key
from tests.support.waiting import await_that

# The disk refuses one store's entries.
REFUSE = """(store) => {
  const put = IDBObjectStore.prototype.put;
  window.mended = () => { IDBObjectStore.prototype.put = put; };
  IDBObjectStore.prototype.put = function (value) {
    if (this.name === store) throw new DOMException("full", "QuotaExceededError");
    return put.call(this, value);
  };
}"""
MARK_ALONE = """async (m, id) => {
  const storage = await m.Storage.open();
  const { mark } = await storage.list(id);
  await storage.change({ ...mark, asOf: new Date().toISOString() }, []);
  storage.close();
}"""


@pytest.mark.parametrize("by", ["camera", "scanner"])
def test_a_code_without_a_signature_lets_nobody_in_unless_a_person_types_it(
    door: GatePage, by: str
):
    [decision] = door.scan(CODES[0], by=by)
    assert (decision["outcome"], decision["byList"]) == ("type_code", True)
    assert (decision["seat"], decision["holder"]) == (None, None)  # nothing is said of the list
    assert door.outcomes(printed(CODES[0]), by=by) == ["admitted"]
    assert door.outcomes(CODES[1], by=by) == ["type_code"]
    assert door.standing()["unsent"] == 1
    assert door.outcomes(CODES[1]) == ["admitted"]


@pytest.mark.control
def test_control_a_code_of_the_list_admits_where_the_reading_is_not_looked_at(door: GatePage):
    assert door.outcomes(CODES[0], by="hand") == ["admitted"]


def test_a_code_that_was_asked_about_in_vain_and_then_typed_is_the_same_scan(door: GatePage):
    answers(door)
    door.until("standing.online")
    asked: list[str] = []

    def lose(route: Route) -> None:
        asked.append(route.request.post_data_json["scan_id"])
        route.abort()

    door.page.route(f"**{door.facts['scanUrl']}", lose)
    door.page.route(f"**{door.facts['batchUrl']}", lambda route: route.abort())
    code = CODES[0]
    [read] = door.scan(code, by="camera")
    [typed] = door.scan("-".join([code[:4], code[4:8], code[8:]]).lower())
    assert [read["outcome"], typed["outcome"]] == ["type_code", "admitted"]
    assert asked[0] == typed["scanId"]


def sign_by_another(path: Path) -> list[dict[str, Any]]:
    """Let tickets be signed by a key whose tag is another; return it alone."""
    tag = base45.decode(printed(CODES[0]))[4]
    while base45.decode(printed(CODES[0]))[4] == tag:
        rotate(path, "ticket")
    kid = signing_key("ticket").kid
    return [key for key in public_jwks()["keys"] if key["kid"] == kid]


def give(door: GatePage, keys: list[dict[str, Any]]) -> None:
    door.page.unroute("**/jwks.json")
    door.page.route("**/jwks.json", lambda route: route.fulfill(json={"keys": keys}))


def test_a_withdrawn_key_is_believed_no_more_once_the_list_was_looked_at(
    door: GatePage, tmp_path: Path
):
    first, second = printed(CODES[0]), printed(CODES[1])
    give(door, sign_by_another(tmp_path / "keys.json"))
    assert door.outcomes(first, by="camera") == ["admitted"]  # it has not heard of it
    answers(door)
    door.until("standing.online && standing.unsent === 0")
    door.page.evaluate("door.close()")
    door.page.unroute_all()
    door.open()  # by the page, which has the old key in it, and no network
    door.until("standing.online === false")
    assert door.outcomes(second, by="camera") == ["type_code"]
    assert door.outcomes(printed(CODES[2]), by="camera") == ["admitted"]


@pytest.mark.control
def test_control_a_key_that_is_not_looked_at_again_is_believed_on(door: GatePage, tmp_path: Path):
    before = printed(CODES[0])
    sign_by_another(tmp_path / "keys.json")
    answers(door)  # and no keys
    door.until("standing.online && standing.unsent === 0")
    door.page.unroute_all()
    door.page.context.set_offline(True)
    assert door.outcomes(before, by="camera") == ["admitted"]


def test_keys_of_other_uses_vouch_for_no_ticket(door: GatePage, ticket_keys: list[dict[str, Any]]):
    give(door, [{**key, "frontrow_use": "access"} for key in ticket_keys])
    answers(door)
    door.until("standing.online && standing.checksSignatures === false")
    door.page.context.set_offline(True)
    door.until("standing.online === false")
    assert door.outcomes(printed(CODES[0]), by="camera") == ["type_code"]


def test_the_disk_s_mark_goes_no_further_than_what_the_disk_has(door: GatePage):
    door.page.evaluate(REFUSE, "changes")
    has_list(door, [document(CODES[0], "VOID")])
    door.until("standing.refusal === 'door_keeps_nothing'")
    assert door.outcomes(CODES[0]) == ["ticket_void"]  # known, and not kept
    door.page.evaluate("door.close()")
    reopened(door)
    assert door.outcomes(CODES[0]) == ["admitted"]  # as old as the list says that it is


def test_what_the_disk_refused_goes_with_what_comes_next(door: GatePage):
    door.page.evaluate(REFUSE, "changes")
    has_list(door, [document(CODES[0], "VOID")])
    door.until("standing.refusal === 'door_keeps_nothing'")
    door.page.evaluate("mended()")
    door.page.unroute_all()
    has_list(door, [])
    door.page.evaluate("door.catchUp()")
    door.until("standing.refusal === null")
    reopened(door)
    assert door.outcomes(CODES[0]) == ["ticket_void"]


@pytest.mark.control
def test_control_a_mark_without_its_changes_hides_them_for_ever(door: GatePage):
    door.page.evaluate("door.close()")
    door.call(MARK_ALONE, door.performance_id)
    asked: list[str] = []

    def since(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    door.page.route("**/admission-list/**", since)
    door.open()
    await_that(lambda: door.standing() and asked, "the list is asked for", seconds=60)
    assert "since=" in asked[0]  # after the change, which the server sends no more
    assert door.outcomes(CODES[0]) == ["admitted"]


def reopened(door: GatePage) -> None:
    """Open the gate again, without a network, by what the disk has."""
    door.page.evaluate("door.close()")
    door.page.unroute_all()
    door.page.reload()
    assert kept(door)["listed"] == len(CODES)
    door.open()
    door.until("standing.online === false")
