"""Demo data, one purchase over HTTP, and users by the thousand for load scripts.

Note [Demo data]
Six concerts in different halls, twenty fans with points, a login for each staff group. Keys are
fixed (a fixed moment plus a counter, as UUIDv7), times are relative to the first load, and use
cases write everything, so the demo is what staff and fans could have made. Loading it again
changes nothing, with one exception: an opening that has passed without a single hold moves to ten
minutes ahead. `--reset` retires the six concerts (nothing sold is ever deleted) and loads a new
generation of them, with new points for the fans.
"""
