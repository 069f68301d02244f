"""Words of refusals on the way to seats: concerts, waiting room, holds."""

from storefront.words.forms import LOOK_AGAIN, MISSING, Words, words

CHOOSING: dict[str, Words] = {
    # Catalogue.
    "concert_not_found": words("There is no such concert", "공연을 찾을 수 없습니다", *MISSING),
    "performance_not_found": words(
        "There is no such performance", "회차를 찾을 수 없습니다", *MISSING
    ),
    "performance_cancelled": words(
        "This performance is cancelled",
        "취소된 회차입니다",
        "What was paid goes back to everybody by itself.",
        "결제한 금액은 자동으로 환불됩니다.",
    ),
    # Waiting room.
    "queue_not_open": words(
        "The waiting room is not open yet",
        "아직 대기열이 열리지 않았습니다",
        "Coming first is no advantage: those who come before the opening are drawn by lot.",
        "먼저 들어와도 유리하지 않습니다. 오픈 전 입장자의 순번은 추첨으로 정해집니다.",
    ),
    "queue_closed": words(
        "The waiting room is closed",
        "대기열이 마감되었습니다",
        "Nobody can join any more. Seats that come back show on the performance's page.",
        "더 이상 입장할 수 없습니다. 취소된 좌석은 회차 페이지에 표시됩니다.",
    ),
    "queue_not_required": words(
        "There is no waiting room",
        "대기열이 없는 회차입니다",
        "Go straight to the seats.",
        "바로 좌석을 선택해 주세요.",
    ),
    "queue_paused": words(
        "The waiting room is paused",
        "대기열이 일시 중지되었습니다",
        "Your place is kept. This page asks again by itself.",
        "순번은 유지됩니다. 페이지가 자동으로 다시 확인합니다.",
    ),
    "queue_unavailable": words(
        "The waiting room is briefly unavailable",
        "대기열을 잠시 이용할 수 없습니다",
        "Your place is safe. This page asks again by itself.",
        "순번은 안전하게 유지됩니다. 페이지가 자동으로 다시 확인합니다.",
    ),
    "queue_token_required": words(
        "Join the waiting room first",
        "먼저 대기열에 참여해 주세요",
        "This performance is sold by turn.",
        "순서대로 판매하는 회차입니다.",
    ),
    "queue_token_invalid": words(
        "Your turn could not be recognised",
        "순번을 확인할 수 없습니다",
        "Open the waiting room again: if your place is still there, it is shown.",
        "대기열을 다시 열어 주세요. 순번이 남아 있으면 표시됩니다.",
    ),
    "queue_not_admitted": words(
        "It is not your turn, or your turn is over",
        "입장 순서가 아니거나 입장 시간이 지났습니다",
        "The waiting room shows your place.",
        "대기열에서 순번을 확인해 주세요.",
    ),
    "invitation_invalid": words(
        "This invitation is not valid here",
        "이 회차에서 사용할 수 없는 초대 코드입니다",
        "Check the code, or join without it.",
        "코드를 확인하거나 코드 없이 입장해 주세요.",
    ),
    "invitation_used_up": words(
        "This invitation has been used up",
        "이미 모두 사용된 초대 코드입니다",
        "Join without it.",
        "코드 없이 입장해 주세요.",
    ),
    "challenge_required": words(
        "A security check is needed",
        "보안 확인이 필요합니다",
        "It runs in the browser: turn JavaScript on and open the waiting room again.",
        "브라우저에서 진행됩니다. JavaScript를 켜고 대기열을 다시 열어 주세요.",
    ),
    "challenge_failed": words(
        "The security check failed",
        "보안 확인에 실패했습니다",
        "Open the waiting room again for a new one.",
        "대기열을 다시 열어 새로 확인해 주세요.",
    ),
    "too_many_accounts": words(
        "Too many people have joined from your network",
        "같은 네트워크에서 참여한 인원이 너무 많습니다",
        "Try another network, such as mobile data.",
        "모바일 데이터 등 다른 네트워크로 접속해 주세요.",
    ),
    # Seats.
    "seat_taken": words(
        "These seats have just gone",
        "방금 다른 분이 선택한 좌석입니다",
        "Choose others: nothing is held for you yet.",
        "다른 좌석을 선택해 주세요. 아직 선점된 좌석은 없습니다.",
    ),
    "seat_not_found": words(
        "This performance has no such seat", "해당 회차에 없는 좌석입니다", *LOOK_AGAIN
    ),
    "seat_limit_exceeded": words(
        "That is more seats than one person may have",
        "1인당 구매할 수 있는 좌석 수를 초과했습니다",
        "Seats that you hold or have bought count too. Choose fewer.",
        "선점했거나 구매한 좌석도 포함됩니다. 좌석 수를 줄여 주세요.",
    ),
    "selection_invalid": words(
        "Choose at least one seat",
        "좌석을 한 개 이상 선택해 주세요",
        "And no more at once than are allowed.",
        "한 번에 선택할 수 있는 개수를 넘을 수 없습니다.",
    ),
    "orphan_seat": words(
        "A single seat would be left alone",
        "한 좌석만 남게 되는 선택입니다",
        "Choose a seat further left or right.",
        "옆으로 한 칸 옮겨 선택해 주세요.",
    ),
    "no_seats_match": words(
        "There are no free seats like that",
        "조건에 맞는 빈 좌석이 없습니다",
        "Try fewer seats or another price grade.",
        "좌석 수를 줄이거나 다른 등급을 선택해 주세요.",
    ),
    "hold_backoff": words(
        "You have let several holds run out",
        "선점한 좌석을 여러 번 결제하지 않았습니다",
        "Wait a little before the next one.",
        "잠시 기다렸다가 다시 선택해 주세요.",
    ),
    "sale_not_open": words(
        "The sale has not opened yet",
        "아직 판매가 시작되지 않았습니다",
        "The performance's page counts down to it.",
        "회차 페이지에서 판매 시작까지 남은 시간을 확인해 주세요.",
    ),
    "sale_closed": words(
        "The sale is over",
        "판매가 종료되었습니다",
        "Look at the other dates.",
        "다른 회차를 확인해 주세요.",
    ),
    "sale_paused": words(
        "The sale is paused",
        "판매가 일시 중지되었습니다",
        "Seats that you hold stay yours until their time is over. Try again soon.",
        "선점한 좌석은 제한 시간까지 유지됩니다. 잠시 후 다시 시도해 주세요.",
    ),
}
