"""Forms of a person's account, judged as the API judges its bodies."""

from django import forms
from django.http import HttpRequest, QueryDict

from accounts import codes, phones
from accounts.forms import CredentialField
from accounts.models import User
from kernel import clock
from kernel.i18n import text
from kernel.text.spelling import composed

_LONGEST_NAME = 100


class SettingsForm(forms.Form):
    """What a person sets."""

    display_name = forms.CharField(
        label=text(en="Name on tickets", ko="티켓에 표시할 이름"),
        required=False,
        max_length=_LONGEST_NAME,
        widget=forms.TextInput({"autocomplete": "name"}),
    )
    phone = forms.CharField(
        label=text(en="Telephone", ko="전화번호"),
        required=False,
        max_length=phones.LONGEST_TYPED,
        widget=forms.TextInput({"autocomplete": "tel", "inputmode": "tel"}),
    )
    language = forms.ChoiceField(
        label=text(en="Language of letters", ko="메일 언어"),
        choices=[("ko", "한국어"), ("en", "English")],
    )
    extra_time = forms.BooleanField(
        label=text(en="I need more time", ko="시간이 더 필요합니다"),
        required=False,
        help_text=text(
            en="Seats that you hold from now on can be extended for longer, as far as the sale "
            "allows it.",
            ko="이후 선점하는 좌석은 판매 정책이 허용하는 범위에서 더 오래 연장할 수 있습니다.",
        ),
    )

    def clean_display_name(self) -> str:
        """Return the form in which names are kept."""
        return composed(self.cleaned_data["display_name"])

    def clean_phone(self) -> str:
        """Return the one spelling of the number."""
        try:
            return phones.normalize(self.cleaned_data["phone"])
        except phones.PhoneInvalid:
            raise forms.ValidationError(str(phones.MESSAGE)) from None


class DeleteForm(forms.Form):
    """The consent to lose an account."""

    agreed = forms.BooleanField(
        label=text(
            en="I understand that this cannot be undone, and that points left are lost.",
            ko="탈퇴는 되돌릴 수 없으며 남은 포인트는 소멸됨을 확인했습니다.",
        ),
        error_messages={
            "required": text(
                en="Please confirm before you delete the account.",
                ko="탈퇴하려면 확인이 필요합니다.",
            )
        },
    )


class CodeForm(forms.Form):
    """A code of an authenticator app, for a use case to judge."""

    code = forms.CharField(
        label=text(en="The code your app shows", ko="인증 앱에 표시된 코드"),
        max_length=20,
        widget=forms.TextInput({"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class PasskeyForm(forms.Form):
    """A passkey that the browser has made, and what its owner calls it."""

    name = forms.CharField(
        label=text(en="Name of the passkey", ko="패스키 이름"),
        max_length=_LONGEST_NAME,
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    credential = CredentialField()

    def clean_name(self) -> str:
        """Return the form in which names are kept."""
        return composed(self.cleaned_data["name"])


class JudgedCodeForm(CodeForm):
    """A code of the app or a recovery code, judged here: counted first, as at a login."""

    def __init__(self, request: HttpRequest, sent: QueryDict | None) -> None:
        super().__init__(sent)
        self._request = request

    def clean_code(self) -> str:
        """Return the code. Raises ValidationError for a wrong one, or one too many."""
        code: str = self.cleaned_data["code"]
        assert isinstance(self._request.user, User), "private pages let in nobody else"
        codes.judge(self._request, self._request.user, code, now=clock.now())
        return code
