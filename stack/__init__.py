"""The local stack: real servers and Frontrow's processes on one machine, without docker.

Knows nothing of Django or the apps: it starts programs, watches them and tells where they listen.
"""
