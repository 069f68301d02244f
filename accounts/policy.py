"""The product numbers of logins."""

from datetime import timedelta

# A refresh token sent again this soon after its use gets the same successor: a phone that lost the
# response, two tabs at once. Later, it or its successor was stolen.
RESEND = timedelta(seconds=60)
# Used tokens are kept a little longer, as the clocks of hosts differ.
KEEP_USED = timedelta(minutes=10)
# A client IP from which an account was logged in to is known for this long after the last time.
KNOWN_IP_MS = 60 * 24 * 3600 * 1000
# The life of a device token, from the last login that renewed it.
DEVICE_SECONDS = 400 * 24 * 3600  # browsers keep no cookie for longer
DEVICES_IN_A_TOKEN = 4  # accounts that one device remembers
