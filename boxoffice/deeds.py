"""What staff may do on these pages: each deed, and the permissions it needs.

Note [Deeds]
Roles are groups, and what each may is the setting `STAFF_GROUPS`, for the admin and for these pages
alike. A page names the deed it is for, and nothing is shown or done without it. A deed that no
group is given is a superuser's.
"""

from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.utils.functional import Promise

from kernel.errors import DomainError, Kind
from kernel.i18n import text


class DeedNotAllowed(DomainError):
    """The role of a member of staff does not cover this page or this deed."""

    code = "deed_not_allowed"
    kind = Kind.FORBIDDEN
    message = text(en="Your role does not cover this.", ko="담당 역할에 허용되지 않은 작업입니다.")


@dataclass(frozen=True, slots=True)
class Deed:
    """Something staff do or look at; every one of its permissions is needed."""

    name: str
    label: Promise
    permissions: tuple[str, ...]


WATCH = Deed(
    "watch",
    text(en="See performances and their boards", ko="회차와 현황판 보기"),
    ("reservations.view_salepolicy",),
)
STEER_QUEUE = Deed(
    "steer_queue",
    text(
        en="Change the rate, places and state of a waiting room", ko="대기실 속도, 정원, 상태 변경"
    ),
    ("queueing.change_queueconfig",),
)
BLOCK_SEATS = Deed(
    "block_seats",
    text(en="Block and unblock seats", ko="좌석 차단·해제"),
    ("reservations.block_seat",),
)
UPLOAD_LAYOUT = Deed(
    "upload_layout",
    text(en="Upload a layout", ko="좌석 배치 올리기"),
    ("concerts.change_performance",),
)
PUBLISH = Deed(
    "publish",
    text(en="Publish a concert", ko="공연 공개"),
    ("concerts.change_concert",),
)
PUT_ON_SALE = Deed(
    "put_on_sale",
    text(en="Put a performance on sale", ko="판매 시작"),
    ("reservations.put_on_sale",),
)
HALT_SALE = Deed(
    "halt_sale",
    text(en="Halt a sale, and let it go on", ko="판매 중지와 재개"),
    ("reservations.halt_sale",),
)
LOOK_UP_FAN = Deed(
    "look_up_fan",
    text(en="Look a fan up", ko="회원 조회"),
    ("accounts.view_user",),
)
SEE_CONTACTS = Deed(
    "see_contacts",
    text(en="See a fan's address and telephone number whole", ko="회원 연락처 전체 보기"),
    ("accounts.change_user",),
)
SEND_AGAIN = Deed(
    "send_again",
    text(en="Send a letter again", ko="알림 다시 보내기"),
    ("notifications.change_notification",),
)
RELEASE_HOLD = Deed(
    "release_hold",
    text(en="Release a fan's hold", ko="회원의 선점 해제"),
    ("reservations.change_reservation",),
)
LOCK_OUT = Deed(
    "lock_out",
    text(en="Lock a fan out and let in again", ko="회원 로그인 차단·해제"),
    ("accounts.lock_out_user",),
)
ADJUST_POINTS = Deed(
    "adjust_points",
    text(en="Adjust points, and approve it for others", ko="포인트 조정과 승인"),
    ("points.adjust_points",),
)
REFUND = Deed(
    "refund",
    text(en="Refund seats, and approve it for others", ko="좌석 환불과 승인"),
    ("payments.add_refund",),
)
WATCH_DOOR = Deed(
    "watch_door",
    text(en="See what the doors refused later", ko="게이트 불일치 기록 보기"),
    ("tickets.view_checkin",),
)
CHECK_IN = Deed(
    "check_in",
    text(en="Check tickets in, look them up and undo it", ko="티켓 입장 처리·조회·취소"),
    ("tickets.check_in_ticket",),
)
DEEDS = (
    *(WATCH, STEER_QUEUE, BLOCK_SEATS, UPLOAD_LAYOUT, PUBLISH, PUT_ON_SALE, HALT_SALE),
    *(LOOK_UP_FAN, SEE_CONTACTS, SEND_AGAIN, RELEASE_HOLD, LOCK_OUT, ADJUST_POINTS, REFUND),
    *(WATCH_DOOR, CHECK_IN),
)


def may(user: AbstractBaseUser | AnonymousUser, deed: Deed) -> bool:
    """Say whether a person is staff, active, and of a role that covers the deed."""
    is_staff = bool(getattr(user, "is_staff", False)) and user.is_active
    return is_staff and all(user.has_perm(one) for one in deed.permissions)  # type: ignore[union-attr]
