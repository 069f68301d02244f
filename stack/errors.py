"""The error that the command line prints for a person to read."""


class StackError(Exception):
    """Something a person can mend; its text is the whole message, in one line where it can be."""
