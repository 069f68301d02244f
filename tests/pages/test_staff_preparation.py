"""Staff prepare a sale: the check list, the layout with its differences, on sale, published."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils.translation import override

from accounts.models import AuditEntry
from boxoffice.layout_picture import picture
from concerts.models import Concert, Seat
from concerts.queries import layout_of
from reservations.models import SalePolicy, SeatInventory
from tests.pages.browsing import form_with, forms_of, send, text_of
from tests.support import factories
from tests.support.staff_roles import browser_as

HALL = "section,grade,price,row,seat,x,y\nA,R,90000,1,1,0,0\nA,R,90000,1,2,1,0\nB,S,50000,1,1,9,0\n"


@pytest.fixture
def empty(db_ready):
    """A performance of a draft without seats."""
    performance = factories.make_performance(seats=0, on_sale=False)
    texts = {"description_ko": "공연 소개", "refund_policy_ko": "환불 규정"}
    Concert.objects.filter(pk=performance.concert_id).update(published_at=None, **texts)
    return performance


def url_of(performance, name="prepare"):
    with override("en"):
        return reverse(f"boxoffice:{name}", args=[performance.pk])


def check(client, performance, content=HALL, name="hall.csv"):
    file = SimpleUploadedFile(name, content.encode())
    return client.post(url_of(performance, "layout"), {"action": "check", "file": file})


def test_from_an_empty_performance_to_an_open_sale(empty):
    client = browser_as("staff")
    page = client.get(url_of(empty))
    assert 'data-check="seats" data-passed="no"' in page.text
    assert url_of(empty, "layout") in page.text
    checked = check(client, empty)
    assert "3 seats (3 added, 0 removed)" in text_of(checked)
    assert Seat.objects.filter(performance=empty).count() == 0  # looking changes nothing
    done = send(client, form_with(checked, "import"), "import", reason="the hall's plan")
    assert done.headers["Location"] == url_of(empty)
    assert Seat.objects.filter(performance=empty).count() == 3
    assert AuditEntry.objects.get(action="concerts.import_layout").reason == "the hall's plan"
    for name, action in (
        ("put_on_sale", "reservations.put_on_sale"),
        ("publish", "concerts.publish"),
    ):
        [form] = [f for f in forms_of(client.get(url_of(empty))) if f.action == url_of(empty, name)]
        assert send(client, form, reason="autumn season").status_code == 302
        assert AuditEntry.objects.get(action=action).reason == "autumn season"
    page = client.get(url_of(empty))
    assert "It is on sale." in text_of(page)
    assert SeatInventory.objects.filter(performance=empty).count() == 3
    assert Concert.objects.get(pk=empty.concert_id).published_at is not None


def test_each_line_leads_to_what_is_missing(empty):
    SalePolicy.objects.filter(performance=empty).delete()
    client = browser_as("staff")
    page = client.get(url_of(empty)).text
    for name in ("admin:reservations_salepolicy_change", "admin:queueing_queueconfig_change"):
        url = reverse(name, args=[empty.pk])
        assert f'href="{url}"' in page
        assert client.get(url, follow=True).status_code == 200


def test_it_is_not_put_on_sale_before_it_is_ready(empty):
    client = browser_as("operator")
    assert "Once nothing is missing" in text_of(client.get(url_of(empty)))
    refused = client.post(url_of(empty, "put_on_sale"), {"reason": "now"})
    assert refused.status_code == 409
    assert "This performance is not ready to be sold." in text_of(refused)
    assert "seats" in text_of(refused)


def test_without_a_reason_nothing_is_done(empty):
    client = browser_as("staff")
    assert client.post(url_of(empty, "publish"), {"reason": " "}).status_code == 200
    assert Concert.objects.get(pk=empty.concert_id).published_at is None
    page = send(client, form_with(check(client, empty), "import"), "import")
    assert page.status_code == 200
    assert "3 seats (3 added, 0 removed)" in text_of(page)  # the file is not lost
    assert Seat.objects.filter(performance=empty).count() == 0


def test_a_file_with_mistakes_names_them_and_imports_nothing(empty):
    page = check(browser_as("staff"), empty, HALL.replace("90000,1,2", "much,1,2"))
    assert "line 3" in text_of(page)
    assert "import" not in [button for form in forms_of(page) for _, button in form.buttons]


def test_what_is_sent_back_spoiled_is_refused(empty):
    client = browser_as("staff")
    form = form_with(check(client, empty), "import")
    spoiled = send(client, form, "import", reason="x", content="%%%")
    assert spoiled.status_code == 400
    assert Seat.objects.filter(performance=empty).count() == 0


def test_a_large_file_is_left_to_a_worker(empty):
    lines = "".join(f"A,R,90000,{n // 100},{n % 100},{n % 100},{n // 100}\n" for n in range(12_000))
    page = check(browser_as("staff"), empty, HALL.splitlines()[0] + "\n" + lines)
    assert page.status_code == 302
    assert "/admin/concerts/performance/" in page.headers["Location"]


def test_the_layout_of_a_sale_is_not_replaced(db_ready):
    performance = factories.make_performance(seats=4)
    client = browser_as("staff")
    assert "can't change any more" in text_of(client.get(url_of(performance, "layout")))
    assert check(client, performance).status_code == 409


def test_the_picture_marks_what_comes_goes_and_moves(empty):
    client = browser_as("staff")
    send(client, form_with(check(client, empty), "import"), "import", reason="first")
    changed = HALL.replace("1,2,1,0", "1,2,2,0").replace("B,S,50000,1,1,9,0", "B,S,50000,1,7,9,0")
    page = check(client, empty, changed)
    for words in ("1 as before", "1 moved", "1 added", "1 removed"):
        assert words in text_of(page)
    assert page.text.count("<path data-sort") == 4


def test_nothing_has_no_picture(empty):
    nothing = layout_of(empty.pk)
    assert picture(nothing, nothing) is None


@pytest.mark.parametrize("name", ["put_on_sale", "publish", "layout"])
def test_roles_that_may_not_are_refused(empty, name):
    for role in ("finance", "door", "integrator"):
        body = {"reason": "x", "action": "check"}
        assert browser_as(role).post(url_of(empty, name), body).status_code == 403
    assert Concert.objects.get(pk=empty.concert_id).published_at is None
