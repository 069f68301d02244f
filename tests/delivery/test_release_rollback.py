"""A release goes back whole: consumers stand still meanwhile, and what did not work is said."""

import json

import pytest

from deploy.cluster.kubectl import Refused
from release import __main__ as command
from release import rollback

HISTORY = [
    {"revision": 1, "status": "superseded"},
    {"revision": 2, "status": "failed"},
    {"revision": 3, "status": "superseded"},
    {"revision": 4, "status": "deployed"},
]


class Site:
    """Stands for kubectl and helm, and for the time that passes between two looks."""

    release = "frontrow"

    def __init__(self, *, back_after=3.0, refuses=()):
        self.asked = []
        self.now = 0.0
        self._back_after = back_after
        self._refuses = refuses

    def run(self, *words, **_):
        self.asked.append(" ".join(words))
        if any(one in self.asked[-1] for one in self._refuses):
            raise Refused(f"Error: no {words[0]}")
        return json.dumps(HISTORY) if words[0] == "history" else ""

    def get(self, *_):
        back = self.now >= self._back_after
        status = {"observedGeneration": "7", "phase": "Healthy" if back else "Progressing"}
        status |= {"stableRS": "old", "currentPodHash": "old" if back else "new"}
        return {"metadata": {"generation": 7}, "status": status}

    def passes(self, seconds):
        self.now += seconds

    def go_back(self, revision=3):
        clock = {"clock": lambda: self.now, "pause": self.passes}
        return rollback.go_back(self, self, "frontrow", revision, "p95 of holds", **clock)


def test_it_goes_to_the_last_revision_that_worked():
    assert rollback.last_revision(Site()) == 3


def test_without_one_it_says_so():
    site = Site()
    site.run = lambda *_: json.dumps(HISTORY[-1:])
    with pytest.raises(Refused, match="no revision to go back to"):
        rollback.last_revision(site)


def test_consumers_stand_still_until_theirs_are_there():
    site = Site()
    outcome = site.go_back()
    verbs = [one.split(" -- python manage.py ")[-1] for one in site.asked]
    assert verbs[0] == "consumers freeze --reason p95 of holds"
    assert verbs[1] == "rollback frontrow 3"
    assert verbs[2].startswith("rollout status deployment/frontrow-consumers")
    assert verbs[3] == "consumers resume"
    assert (outcome.seconds, outcome.problems) == (3.0, [])


def test_a_release_whose_consumers_do_not_run_goes_back_all_the_same():
    site = Site(refuses=("freeze",))
    outcome = site.go_back()
    assert outcome.seconds == 3.0
    assert outcome.problems == ["consumers freeze: Error: no exec"]
    assert not any("resume" in one for one in site.asked)


def test_what_takes_longer_than_promised_is_a_problem():
    outcome = Site(back_after=1000).go_back()
    assert outcome.seconds is None
    assert outcome.problems == ["after 60 s not all requests go to revision 3"]


def test_consumers_that_do_not_come_stay_frozen():
    site = Site(refuses=("rollout status",))
    outcome = site.go_back()
    assert "stay frozen" in outcome.problems[0]
    assert not any("resume" in one for one in site.asked)


@pytest.mark.parametrize(("refuses", "code"), [((), 0), (("freeze",), 1), (("rollback",), 1)])
def test_the_command_says_whether_all_of_it_worked(monkeypatch, capsys, refuses, code):
    site = Site(back_after=0, refuses=refuses)
    monkeypatch.setattr(command, "Kubectl", lambda *_, **__: site)
    monkeypatch.setattr(command, "Helm", lambda *_: site)
    assert command.main(["rollback", "--reason", "p95 of holds"]) == code
    said = capsys.readouterr()
    assert ("all requests go to revision 3" in said.out) is ("rollback" not in refuses)
    assert bool(said.err) is bool(refuses)
