"""Words of refusals that any page may meet."""

from storefront.words.forms import MISSING, Words, words

EVERYWHERE: dict[str, Words] = {
    # Of one's own account.
    "account_in_use": words(
        "The account is still in use",
        "아직 이용 중인 계정입니다",
        "Nothing was changed. Finish what is listed below, then delete the account.",
        "변경된 내용은 없습니다. 아래 항목을 마친 뒤 탈퇴해 주세요.",
    ),
    "account_closed": words(
        "This account is closed",
        "이용할 수 없는 계정입니다",
        "Nothing was changed. With a new account you can go on.",
        "변경된 내용은 없습니다. 새 계정으로 이용해 주세요.",
    ),
    "reauthentication_required": words(
        "Please confirm that it is you",
        "본인 확인이 필요합니다",
        "Nothing was changed. Give your password or a code again, then repeat this.",
        "변경된 내용은 없습니다. 비밀번호나 인증 코드를 다시 확인한 뒤 시도해 주세요.",
    ),
    "staff_account": words(
        "A staff account cannot be deleted here",
        "직원 계정은 탈퇴할 수 없습니다",
        "Nothing was changed. An administrator has to end its rights first.",
        "변경된 내용은 없습니다. 관리자가 먼저 권한을 해제해야 합니다.",
    ),
    "passkey_invalid": words(
        "The passkey was not accepted",
        "패스키를 확인할 수 없습니다",
        "Nothing was changed. Load the page and try again.",
        "변경된 내용은 없습니다. 페이지를 새로 열고 다시 시도해 주세요.",
    ),
    "passkey_limit": words(
        "There is no room for another passkey",
        "패스키를 더 등록할 수 없습니다",
        "Nothing was changed. Remove a passkey first.",
        "변경된 내용은 없습니다. 사용하지 않는 패스키를 먼저 삭제해 주세요.",
    ),
    "provider_taken": words(
        "This account there opens another account here",
        "다른 계정에 연결된 계정입니다",
        "Nothing was changed. Log in to the other account, or choose another one there.",
        "변경된 내용은 없습니다. 연결된 계정으로 로그인하거나 다른 계정을 선택해 주세요.",
    ),
    "provider_connected": words(
        "Your account is connected already",
        "이미 연결된 계정이 있습니다",
        "Nothing was changed. Disconnect the one that is connected first.",
        "변경된 내용은 없습니다. 먼저 연결된 계정을 해제해 주세요.",
    ),
    "last_way_in": words(
        "This is your only way in",
        "유일한 로그인 방법입니다",
        "Nothing was changed. Set a password first.",
        "변경된 내용은 없습니다. 먼저 비밀번호를 설정해 주세요.",
    ),
    # Of every page.
    "not_found": words("There is no such page", "페이지를 찾을 수 없습니다", *MISSING),
    "method_not_allowed": words(
        "This page cannot be used like that",
        "잘못된 방식의 요청입니다",
        "Nothing was changed. Open the page by its link.",
        "변경된 내용은 없습니다. 링크로 페이지를 다시 열어 주세요.",
    ),
    "malformed_request": words(
        "The request could not be understood",
        "요청을 이해할 수 없습니다",
        "Nothing was changed. Open the page by its link.",
        "변경된 내용은 없습니다. 링크로 페이지를 다시 열어 주세요.",
    ),
    "validation_failed": words(
        "Something in the form is missing or wrong",
        "입력한 내용에 오류가 있습니다",
        "Nothing was changed. Correct it and send it again.",
        "변경된 내용은 없습니다. 내용을 고쳐 다시 보내 주세요.",
    ),
    "body_too_large": words(
        "That is too much at once",
        "한 번에 보낼 수 있는 크기를 넘었습니다",
        "Nothing was changed. Send less.",
        "변경된 내용은 없습니다. 내용을 줄여 다시 보내 주세요.",
    ),
    "uri_too_long": words("The address is too long", "주소가 너무 깁니다", *MISSING),
    "csrf_failed": words(
        "The page was open for too long",
        "페이지를 연 지 오래되었습니다",
        "Nothing was changed. Go back, reload the page and send it again.",
        "변경된 내용은 없습니다. 이전 페이지로 돌아가 새로 고친 뒤 다시 시도해 주세요.",
    ),
    "permission_denied": words(
        "You may not open this page",
        "접근 권한이 없습니다",
        "Log in with the account that may.",
        "권한이 있는 계정으로 로그인해 주세요.",
    ),
    "deed_not_allowed": words(
        "Your role does not cover this",
        "담당 역할에 허용되지 않은 작업입니다",
        "Nothing was changed. Ask somebody whose role does.",
        "변경된 내용은 없습니다. 권한이 있는 담당자에게 요청해 주세요.",
    ),
    "not_authenticated": words(
        "Please log in",
        "로그인이 필요합니다",
        "Your login may have ended. Nothing else has changed.",
        "로그인이 만료되었을 수 있습니다. 다른 변경 사항은 없습니다.",
    ),
    "rate_limited": words(
        "That was a little too fast",
        "요청이 너무 많습니다",
        "Nothing was lost. Wait a moment, then try again.",
        "손실된 내용은 없습니다. 잠시 기다렸다가 다시 시도해 주세요.",
    ),
    "internal_error": words(
        "Something went wrong on our side",
        "오류가 발생했습니다",
        "Look at your reservations before you try again: what you did may have been done.",
        "다시 시도하기 전에 예매 내역을 확인해 주세요. 이미 처리되었을 수 있습니다.",
    ),
    "busy": words(
        "Many people want the same right now",
        "지금 요청이 몰리고 있습니다",
        "Nothing was changed. Try again in a second.",
        "변경된 내용은 없습니다. 잠시 후 다시 시도해 주세요.",
    ),
    "service_unavailable": words(
        "The service is briefly unavailable",
        "서비스를 잠시 이용할 수 없습니다",
        "Nothing was changed. Try again in a moment.",
        "변경된 내용은 없습니다. 잠시 후 다시 시도해 주세요.",
    ),
    "outcome_unknown": words(
        "It is not certain yet whether this was done",
        "처리되었는지 아직 확실하지 않습니다",
        "Look at your reservations before you try again. Nothing is done or paid twice.",
        "다시 시도하기 전에 예매 내역을 확인해 주세요. 두 번 처리되거나 결제되지 않습니다.",
    ),
    "unavailable": words(
        "The service cannot be reached at the moment",
        "지금은 서비스에 연결할 수 없습니다",
        "Look at your reservations before you pay again.",
        "다시 결제하기 전에 예매 내역을 확인해 주세요.",
    ),
    "email_taken": words(
        "This e-mail address belongs to another account",
        "다른 계정에서 사용 중인 이메일 주소입니다",
        "Log in with it, or use another one.",
        "해당 계정으로 로그인하거나 다른 주소를 사용해 주세요.",
    ),
}
