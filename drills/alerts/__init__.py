"""Alerts that fire for real: `python -m drills alerts`.

`faults.py` lists what is lost or broken and the alert that has to come, `losses.py` and
`by_hand.py` carry it out, `load.py` is the load meanwhile, `receiver.py` who is called,
`running.py` the whole of it, `page.py` the figures.
"""
