"""The refusals of tickets and of the door."""

from kernel.errors import DomainError, Kind
from kernel.i18n import text


class TicketNotFound(DomainError):
    """There is no such ticket, or it is somebody else's."""

    code = "ticket_not_found"
    kind = Kind.NOT_FOUND
    message = text(en="There is no such ticket.", ko="티켓을 찾을 수 없습니다.")


class CheckinRefused(DomainError):
    """Base of what the door says to a genuine ticket that does not admit."""

    kind = Kind.CONFLICT


class AlreadyAdmitted(CheckinRefused):
    """The ticket has admitted before: `at`, and the `gate`."""

    code = "already_admitted"
    message = text(en="This ticket has been used already.", ko="이미 사용된 티켓입니다.")


class WrongPerformance(CheckinRefused):
    """The ticket is for another performance than this door's."""

    code = "wrong_performance"
    message = text(en="This ticket is for another performance.", ko="다른 회차의 티켓입니다.")


class TicketVoid(CheckinRefused):
    """The ticket's seat was cancelled."""

    code = "ticket_void"
    message = text(en="This ticket is void.", ko="무효 처리된 티켓입니다.")


class DoorsClosed(CheckinRefused):
    """It is long before the doors open, or long after the start."""

    code = "doors_closed"
    message = text(en="The doors are closed.", ko="지금은 입장 시간이 아닙니다.")


class ScanUndone(CheckinRefused):
    """This very scan admitted and was undone; the ticket has to be scanned again."""

    code = "scan_undone"
    message = text(
        en="This scan was undone. Scan the ticket again.",
        ko="취소된 스캔입니다. 티켓을 다시 스캔해 주세요.",
    )


class ScanIdReused(DomainError):
    """The id names a scan of another ticket."""

    code = "scan_id_reused"
    kind = Kind.UNPROCESSABLE
    message = text(
        en="This scan id belongs to another ticket.", ko="다른 티켓에 쓰인 스캔 ID입니다."
    )


class CheckinNotFound(DomainError):
    """There is no such check-in, or it is out of the reach of the API key."""

    code = "checkin_not_found"
    kind = Kind.NOT_FOUND
    message = text(en="There is no such check-in.", ko="입장 기록을 찾을 수 없습니다.")
