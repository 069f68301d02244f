"""What a timeline calls things that have no label where they are kept."""

from collections.abc import Mapping

from django.utils.functional import Promise

from kernel.i18n import text
from queueing.replies import PlaceState

PLACES: Mapping[str, Promise] = {
    PlaceState.WAITING: text(en="Waiting", ko="대기 중"),
    PlaceState.ADMITTED: text(en="Admitted", ko="입장"),
    PlaceState.EXPIRED: text(en="Time is up", ko="시간 만료"),
    PlaceState.LEFT: text(en="Left", ko="대기 취소"),
    PlaceState.FINISHED: text(en="Finished", ko="이용 종료"),
}
LETTERS: Mapping[str, Promise] = {
    "reservation_confirmed": text(en="Reservation confirmed", ko="예매 확정"),
    "reservation_cancelled": text(en="Reservation cancelled", ko="예매 취소"),
    "performance_cancelled": text(en="Performance cancelled", ko="공연 취소"),
    "performance_postponed": text(en="Performance postponed", ko="공연 연기"),
    "payment_refunded": text(en="Payment refunded", ko="결제 환불"),
    "seats_offered": text(en="Other seats offered", ko="다른 좌석 제안"),
}
# Deeds about a fan or a reservation, by their names in the audit log.
DEEDS: Mapping[str, Promise] = {
    "accounts.approve": text(en="Request approved", ko="요청 승인"),
    "accounts.ask_approval": text(en="Asked for a second person", ko="승인 요청"),
    "accounts.change_email": text(en="E-mail address changed", ko="이메일 변경"),
    "accounts.let_in": text(en="Let in again", ko="로그인 차단 해제"),
    "accounts.lock_out": text(en="Locked out", ko="로그인 차단"),
    "accounts.look_up": text(en="Looked up", ko="회원 조회"),
    "accounts.refuse_approval": text(en="Request refused", ko="요청 거절"),
    "accounts.reset_second_factor": text(en="Second factor removed", ko="2단계 인증 해제"),
    "accounts.set_password": text(en="Password set", ko="비밀번호 설정"),
    "notifications.send_again": text(en="Letter sent again", ko="알림 재발송"),
    "payments.refund": text(en="Seats refunded", ko="좌석 환불"),
    "points.adjust": text(en="Points adjusted", ko="포인트 조정"),
    "reservations.release": text(en="Hold released", ko="선점 해제"),
}
UNDONE = text(en="Undone", ko="취소됨")


def word(words: Mapping[str, Promise], name: str) -> str:
    """Return what `name` is called in the active language; itself where nobody has a word."""
    return str(words.get(name, name))
