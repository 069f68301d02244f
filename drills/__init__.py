"""Drills: a part of a stack with spare parts is lost under load, and what follows is judged.

`python -m drills NAME` runs one (`catalogue.py`, a file each), `running.py` is the whole of it:
`site.py` is the stack that is broken, the load and its history are those of a rehearsal
(`proof/rush`), `verdict.py` judges them, `guards.py` takes a guard out for a control.
"""
