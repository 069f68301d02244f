"""Refusals about concerts and layouts; `performance_not_found` serves every app above."""

from kernel.errors import DomainError, Kind
from kernel.i18n import text


class ConcertNotFound(DomainError):
    """No concert of that id is there for the public (a draft is not there)."""

    code = "concert_not_found"
    kind = Kind.NOT_FOUND
    message = text(en="There is no such concert.", ko="해당 공연을 찾을 수 없습니다.")


class PerformanceNotFound(DomainError):
    """No performance of that id is there for the public (one of a draft is not there)."""

    code = "performance_not_found"
    kind = Kind.NOT_FOUND
    message = text(en="There is no such performance.", ko="해당 회차를 찾을 수 없습니다.")


class VenueNotFound(DomainError):
    """No venue of that id is there."""

    code = "venue_not_found"
    kind = Kind.NOT_FOUND
    message = text(en="There is no such venue.", ko="해당 공연장을 찾을 수 없습니다.")


class DoorsAfterStart(DomainError):
    """The doors would open after the start."""

    code = "doors_after_start"
    kind = Kind.INVALID
    message = text(
        en="The doors must open before the start.",
        ko="입장 시작은 공연 시작보다 늦을 수 없습니다.",
    )


class RefundWindowInvalid(DomainError):
    """The refund window of a postponed performance would end at once, or after a year."""

    code = "refund_window_invalid"
    kind = Kind.INVALID
    message = text(
        en="The refund window ends within a year, and not before now.",
        ko="환불 기간은 현재부터 1년 이내에 끝나야 합니다.",
    )


class NeedsConfirmation(DomainError):
    """The change is unusual (Note [Unusual changes]); `questions` say how, and how to say yes."""

    code = "schedule_needs_confirmation"
    kind = Kind.CONFLICT
    message = text(
        en="This change is unusual. It is saved only with a reason and a confirmation.",
        ko="일반적이지 않은 변경입니다. 사유를 입력하고 확인해야 저장됩니다.",
    )


class LayoutFrozen(DomainError):
    """The performance has been put on sale, so its seats and prices stay as they are."""

    code = "layout_frozen"
    kind = Kind.CONFLICT
    message = text(
        en="The performance has been put on sale; its seats and prices cannot change any more.",
        ko="판매가 시작된 회차의 좌석과 가격은 변경할 수 없습니다.",
    )


class LayoutEmpty(DomainError):
    """A layout without a seat can't be frozen."""

    code = "layout_empty"
    kind = Kind.CONFLICT
    message = text(en="The performance has no seats yet.", ko="아직 등록된 좌석이 없습니다.")


class LayoutInvalid(DomainError):
    """A layout file was refused; `problems` says where and why."""

    code = "layout_invalid"
    kind = Kind.INVALID
    message = text(en="The layout file has errors.", ko="좌석 배치 파일에 오류가 있습니다.")


class LayoutUploadsFull(DomainError):
    """As many large layout files as are kept wait for a worker already."""

    code = "layout_uploads_full"
    kind = Kind.CONFLICT
    message = text(
        en="Too many layout files are waiting to be read. Please try again in a minute.",
        ko="처리 대기 중인 좌석 배치 파일이 많습니다. 잠시 후 다시 올려 주세요.",
    )


class PosterInvalid(DomainError):
    """A poster was refused; `problem` says why."""

    code = "poster_invalid"
    kind = Kind.INVALID
    message = text(
        en="The poster cannot be used.",
        ko="사용할 수 없는 포스터입니다.",
    )


class PosterNotStored(DomainError):
    """The storage of media takes no file, so the concert keeps the poster that it had."""

    code = "poster_not_stored"
    kind = Kind.UNAVAILABLE
    message = text(
        en="The poster could not be stored. Nothing was changed; please try again.",
        ko="포스터를 저장하지 못했습니다. 변경된 내용은 없습니다. 다시 시도해 주세요.",
    )
    retry_after = 2


class GradeNotFound(DomainError):
    """The performance has no price grade of that id."""

    code = "grade_not_found"
    kind = Kind.NOT_FOUND
    message = text(en="There is no such price grade.", ko="해당 좌석 등급을 찾을 수 없습니다.")


class ConcertIncomplete(DomainError):
    """The concert lacks what the public page needs; `missing` names the fields."""

    code = "concert_incomplete"
    kind = Kind.CONFLICT
    message = text(
        en="The concert is not complete enough to be published.",
        ko="공연 정보가 부족하여 공개할 수 없습니다.",
    )
