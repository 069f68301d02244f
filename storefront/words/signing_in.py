"""Words of a sign-in by the provider that came to nothing; `{name}` is the provider's."""

from storefront.words.everywhere import EVERYWHERE
from storefront.words.forms import Words, words

SIGNING_IN: dict[str, Words] = {
    "cancelled": words(
        "You did not agree at {name}",
        "{name} 로그인을 취소했습니다",
        "Nothing was changed. Try again, or log in with your e-mail address and password.",
        "변경된 내용은 없습니다. 다시 시도하거나 이메일과 비밀번호로 로그인해 주세요.",
    ),
    "unavailable": words(
        "{name} cannot be reached at the moment",
        "지금은 {name} 로그인을 이용할 수 없습니다",
        "Nothing was changed. Log in with your e-mail address and password, or try again in a "
        "minute.",
        "변경된 내용은 없습니다. 이메일과 비밀번호로 로그인하거나 잠시 후 다시 시도해 주세요.",
    ),
    "expired": words(
        "This took too long, or began in another window",
        "시간이 지났거나 다른 창에서 시작한 로그인입니다",
        "Nothing was changed. Begin again from here.",
        "변경된 내용은 없습니다. 여기에서 다시 시작해 주세요.",
    ),
    "failed": words(
        "{name} did not confirm who you are",
        "{name} 계정을 확인하지 못했습니다",
        "Nothing was changed. Try again, or log in with your e-mail address and password.",
        "변경된 내용은 없습니다. 다시 시도하거나 이메일과 비밀번호로 로그인해 주세요.",
    ),
    "unverified": words(
        "{name} has confirmed no e-mail address of yours",
        "{name} 계정에 확인된 이메일 주소가 없습니다",
        "No account was made. Confirm an address there and share it with us, or sign up with a "
        "password and connect {name} on your account page.",
        "계정을 만들지 않았습니다. {name}에서 이메일을 인증하고 제공에 동의하거나, "
        "비밀번호로 가입한 뒤 계정 페이지에서 {name} 계정을 연결해 주세요.",
    ),
    "taken": words(
        "This e-mail address has an account already",
        "이미 가입된 이메일 주소입니다",
        "Nothing was changed. Log in with your password; then you can connect {name} on your "
        "account page.",
        "변경된 내용은 없습니다. 비밀번호로 로그인한 뒤 계정 페이지에서 {name} 계정을 "
        "연결해 주세요.",
    ),
    "too_many": words(
        "Too many accounts are being made from your network",
        "같은 네트워크에서 가입이 너무 많습니다",
        "No account was made. Try again in some minutes.",
        "계정을 만들지 않았습니다. 몇 분 뒤에 다시 시도해 주세요.",
    ),
    **{
        code: EVERYWHERE[code]
        for code in ("provider_taken", "provider_connected", "account_closed")
    },
}


def failure(reason: str, *, name: str) -> dict[str, str]:
    """Return `title` and `advice` of a reason in the active language; of any other, of a failure.

    `name` is the provider's.
    """
    found = SIGNING_IN.get(reason) or SIGNING_IN["failed"]
    return {
        "title": str(found.title).replace("{name}", name),
        "advice": str(found.advice).replace("{name}", name),
    }
