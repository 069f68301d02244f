"""Product numbers of logins."""

from datetime import timedelta

# A refresh token sent again this soon after its use gets the same successor: a phone that lost the
# answer, two tabs at once. Later it was stolen, or its successor was.
RESEND = timedelta(seconds=60)
# Used tokens are kept a little longer, as the clocks of hosts differ.
KEEP_USED = timedelta(minutes=10)
