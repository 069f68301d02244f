"""Compute any number of a draw from what the site has published, and check its promises."""

import json
import sys
from hashlib import sha1, sha256
from pathlib import Path


def number_of(document, nth):
    """Return the number that the `nth` who joined before the opening drew.

    `document` is /api/v1/performances/{id}/draw/, parsed. Raises ValueError for a broken promise.
    """
    key, beacon = document["seed"], document["beacon"]
    if sha256(key.encode()).hexdigest() != document["commitment"]:
        raise ValueError("not the seed that was committed to")
    if beacon is not None and not beacon["mixed"]:
        raise ValueError("the beacon that was announced was not mixed in")
    if beacon is not None:
        key = sha256(f"{key}:{beacon['value']}".encode()).hexdigest()[:32]
    left, right = divmod(nth - 1, 1024)
    for turn in range(1, 7):
        mixed = sha1(f"{key}:{turn}:{right}".encode(), usedforsecurity=False)
        left, right = right, (left + int(mixed.hexdigest()[:6], 16)) % 1024
    return document["start"] + left * 1024 + right + 1


def nobodys(document, roster):
    """Return how many turns are nobody's; ValueError where they are too many to be explained.

    Each loss of the queue server may skip the rest of a block of 10,000 turns, and some fans join
    again behind the draw or do not come back. Turns of people who do not exist look like the
    others: compare `entrants` with what the site showed while fans joined.
    """
    rests = []
    for at in range(0, len(roster), 10_000):
        block = "".join("x" if line.strip("0") else "0" for line in roster[at : at + 10_000])
        rests.append(len(block) - len(block.rstrip("0")))
    count = sum(not line.strip("0") for line in roster)
    unexplained = count - sum(sorted(rests, reverse=True)[: document["losses"]])
    if unexplained > len(roster) - count:
        raise ValueError("more turns are nobody's than can be explained")
    return count


def verify(document, roster, token, noted):
    """Return as which one the holder of a join token joined, and how many turns are nobody's.

    `roster` has the lines of .../draw/roster/, all pages, as they are there; `noted` is the
    commitment as the site showed it before the opening. ValueError where it can't be so.
    """
    if noted.lower() != document["commitment"]:
        raise ValueError("not the commitment that was noted")
    _, _, user, number, *_ = token.split(".")
    if sha256(bytes.fromhex("".join(roster))).hexdigest() != document["roster_sha256"]:
        raise ValueError("not the roster that was published")
    user_id = "-".join((user[:8], user[8:12], user[12:16], user[16:20], user[20:]))
    text = f"{document['performance_id']}:{user_id}:{number}"
    line = sha256(text.encode()).hexdigest()[:32]
    if len(roster) != document["entrants"] or roster.count(line) != 1:
        raise ValueError("not in the roster once")
    nth = roster.index(line) + 1
    if number_of(document, nth) != int(number):
        raise ValueError("not the number that was drawn")
    return nth, nobodys(document, roster)


if __name__ == "__main__":  # python verify_draw.py draw.json roster.json TOKEN NOTED_COMMITMENT
    draw_file, roster_file, *words = sys.argv[1:]
    draw, lines = (json.loads(Path(name).read_bytes()) for name in (draw_file, roster_file))
    nth, count = verify(draw, lines, *words)
    sys.stdout.write(f"joined as number {nth}; turns that are nobody's: {count}\n")
