"""Demo data: six concerts of different halls, twenty fans with points, a login per staff role.

Note [Demo data]
Keys are fixed (a fixed moment plus a counter, as UUIDv7), times are set relative to the first
load, and everything is written by use cases, so the demo is what staff and fans could have made.
Loading again changes nothing, with one exception: an opening that has passed without anybody
having held a seat is set ten minutes ahead again. `--reset` retires the six concerts (nothing
sold is ever deleted) and loads a fresh generation of them, with fresh points for the fans.
"""
