"""The local mail server, a process of its own: `python -m stack.mail`."""
