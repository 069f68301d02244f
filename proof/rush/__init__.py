"""The rehearsal of an on-sale: fans by the thousand against a stack of its own.

`running` starts the stack (`rehearsal`), seeds a sale (`seeding`, from `sale_file`), lets the fans'
client run in a process of its own (`client`), breaks parts meanwhile (`faults`), then judges what
is left (`verdict`) and writes it down (`report`). What the client imports knows no Django, so that
it starts at once and costs little.
"""
