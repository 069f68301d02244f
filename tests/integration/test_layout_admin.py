"""Staff prepare a performance in the admin: publish, upload a layout, set a price."""

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from concerts.models import Concert, Performance, PriceGrade, Seat
from kernel import clock
from tests.support import factories

CSV = (
    "section,grade,price,row,seat,x,y,accessible\nA,VIP,165000,1,1,0,0,1\nA,VIP,165000,1,2,1,0,0\n"
)


def logged_in(group: str) -> Client:
    user = User.objects.create_user(f"{group}@example.com", "x", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def staff(db_ready) -> Client:
    return logged_in("staff")


@pytest.fixture
def performance(db_ready) -> Performance:
    concert = factories.make_concert(
        published=False, description_ko="소개", refund_policy_ko="환불"
    )
    return Performance.objects.create(concert=concert, starts_at=clock.now())


def upload(client: Client, performance: Performance, button: str, text: str = CSV, **fields):
    address = reverse("admin:concerts_performance_layout", args=[performance.pk])
    file = SimpleUploadedFile("hall.csv", text.encode())
    return client.post(address, {"file": file, button: "1", **fields})


def test_a_dry_run_shows_the_change_and_writes_nothing(staff, performance):
    answer = upload(staff, performance, "check")
    assert answer.status_code == 200
    assert "165000" in answer.content.decode()
    assert Seat.objects.count() == 0


def test_an_import_needs_a_reason_and_is_audited(staff, performance):
    assert upload(staff, performance, "import").status_code == 200
    assert Seat.objects.count() == 0
    answer = upload(staff, performance, "import", reason="opening night")
    assert answer.status_code == 302
    assert Seat.objects.count() == 2
    entry = AuditEntry.objects.get(action="concerts.import_layout")
    assert entry.reason == "opening night"
    assert entry.actor_id is not None


def test_errors_name_their_lines(staff, performance):
    answer = upload(staff, performance, "import", CSV + "A,VIP,1,1,2,1,0,0\n", reason="x")
    assert "4행" in answer.content.decode()
    assert Seat.objects.count() == 0


def test_a_frozen_layout_takes_no_upload(staff):
    performance = factories.make_performance(seats=2)
    answer = upload(staff, performance, "import", reason="x")
    assert answer.status_code == 200
    assert Seat.objects.count() == 2


def test_the_layout_can_be_downloaded(staff, performance):
    upload(staff, performance, "import", reason="x")
    address = reverse("admin:concerts_performance_layout_file", args=[performance.pk, "layout.csv"])
    assert staff.get(address).content.decode() == CSV
    assert staff.get(address.replace(".csv", ".exe")).status_code == 404


@pytest.mark.parametrize("group", ["door", "finance", "integrator"])
def test_other_groups_can_not_upload(performance, group):
    assert upload(logged_in(group), performance, "import", reason="x").status_code == 403


def test_the_performance_page_leads_to_everything(staff, performance):
    page = staff.get(reverse("admin:concerts_performance_change", args=[performance.pk]))
    shown = page.content.decode()
    for name in ("concerts_pricegrade", "concerts_section", "concerts_seat"):
        address = reverse(f"admin:{name}_changelist") + f"?performance__id__exact={performance.pk}"
        assert address in shown
        assert staff.get(address).status_code == 200
    assert reverse("admin:concerts_performance_layout", args=[performance.pk]) in shown


def act(client: Client, model: str, action: str, row) -> object:
    return client.post(
        reverse(f"admin:concerts_{model}_changelist"),
        {"action": action, "_selected_action": row.pk, "confirmed": "yes", "reason": "because"},
        follow=True,
    )


def test_a_concert_is_published_with_a_reason(staff, performance):
    act(staff, "concert", "publish", performance.concert)
    assert Concert.objects.get().published_at is not None
    assert AuditEntry.objects.get(action="concerts.publish").reason == "because"
    act(staff, "concert", "unpublish", performance.concert)
    assert Concert.objects.get().published_at is None


def test_an_incomplete_concert_is_not_published(staff, db_ready):
    concert = factories.make_concert(published=False)
    answer = act(staff, "concert", "publish", concert)
    assert "refund_policy_ko" in answer.content.decode()
    assert Concert.objects.get().published_at is None


def test_a_performance_is_cancelled_with_a_reason(staff, performance):
    act(staff, "performance", "cancel", performance)
    assert Performance.objects.get().status == "CANCELLED"
    assert AuditEntry.objects.get(action="concerts.set_status").changes == {
        "status": {"from": "SCHEDULED", "to": "CANCELLED"}
    }


def test_a_price_is_set_by_the_use_case(staff, performance):
    upload(staff, performance, "import", reason="x")
    grade = PriceGrade.objects.get()
    address = reverse("admin:concerts_pricegrade_change", args=[grade.pk])
    staff.post(address, {"price": "170000", "reason": "sponsor"})
    assert PriceGrade.objects.get().price == 170_000
    assert AuditEntry.objects.get(action="concerts.set_price").reason == "sponsor"
    assert Performance.objects.get().layout_version == 2


def test_nothing_is_deleted_here(staff, performance):
    for name, row in (("performance", performance), ("concert", performance.concert)):
        address = reverse(f"admin:concerts_{name}_delete", args=[row.pk])
        assert staff.post(address, {"post": "yes"}).status_code == 403
