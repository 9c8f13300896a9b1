"""Whatever people do in whatever order, the store says what a plain dictionary would say."""

import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from causalseg.annotations import LabelStore, review
from causalseg.annotations.store import deletion, drafts, statistics
from causalseg.annotations.queue import search, flags
from causalseg.annotations.review import confounder_statements
from causalseg.annotations.label_records import Revision
from causalseg.scan import Scan
from tests.annotations.samples import make_mask, make_scan, save

SCANS = tuple(make_scan(seed) for seed in range(2))
PEOPLE = ("ana", "ben")
WORDS = ("lung", "heart")

Place = tuple[str, int, str]
places = st.tuples(st.sampled_from([scan.sha256 for scan in SCANS]), st.integers(0, 1), st.sampled_from(PEOPLE))
seeds = st.integers(0, 5)


class StoreAgainstDictionary(RuleBasedStateMachine):
    """The dictionary: place -> labels, drafts, flags and statements; and what is deleted."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.store = LabelStore(Path(self.folder.name) / "labels")
        self.labels: dict[Place, list[tuple[Revision, int]]] = defaultdict(list)
        self.numbers: dict[Place, int] = defaultdict(int)
        self.verdicts: dict[tuple[Place, int], str] = {}
        self.drafts: dict[tuple[Place, str], int] = {}
        self.flags: dict[Place, str] = {}
        self.said: dict[tuple[Place, str], bool] = {}
        self.items: set[tuple[str, int]] = set()

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    @rule(place=places, seed=seeds, word=st.sampled_from(WORDS), finished=st.booleans())
    def save(self, place: Place, seed: int, word: str, finished: bool) -> None:
        sha256, index, person = place
        revision = save(
            self.store,
            seed,
            scan=scan_of(sha256),
            index=index,
            person=person,
            description=word,
            finished=finished,
        )
        self.numbers[place] += 1
        assert revision.number == self.numbers[place]
        self.labels[place].append((revision, seed))
        self.drafts.pop((place, word), None)
        self.flags.pop(place, None)
        self.items.add((sha256, index))

    @rule(place=places, seed=seeds, word=st.sampled_from(WORDS))
    def draw(self, place: Place, seed: int, word: str) -> None:
        sha256, index, person = place
        drafts.keep(self.store, scan_of(sha256), make_mask(seed), person=person, description=word, index=index)
        self.drafts[place, word] = seed
        self.items.add((sha256, index))

    @precondition(lambda self: self.drafts)
    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        place, word = data.draw(st.sampled_from(sorted(self.drafts)))
        (draft,) = [one for one in drafts.find(self.store, place[2], place[0], place[1]) if one.description == word]
        drafts.discard(self.store, draft)
        del self.drafts[place, word]

    @precondition(lambda self: self.items)
    @rule(data=st.data(), person=st.sampled_from(PEOPLE), note=st.sampled_from(["", "blurred"]))
    def flag(self, data: st.DataObject, person: str, note: str) -> None:
        sha256, index = data.draw(st.sampled_from(sorted(self.items)))
        flags.flag(self.store, sha256, person, note, index)
        self.flags[sha256, index, person] = note

    @rule(place=places)
    def unflag(self, place: Place) -> None:
        flags.unflag(self.store, place[0], place[2], place[1])
        self.flags.pop(place, None)

    @precondition(lambda self: any(self.labels.values()))
    @rule(data=st.data(), is_right=st.booleans())
    def review(self, data: st.DataObject, is_right: bool) -> None:
        place, revision = self.pick(data)
        if is_right:
            review.approve(self.store, revision, reviewer="cleo")
        else:
            review.send_back(self.store, revision, reviewer="cleo", note="wider")
        self.verdicts[place, revision.number] = "approved" if is_right else "sent_back"

    @precondition(lambda self: any(self.labels.values()))
    @rule(data=st.data())
    def delete_label(self, data: st.DataObject) -> None:
        place, revision = self.pick(data)
        deletion.delete_revision(self.store, revision, person="cleo")
        self.labels[place] = [one for one in self.labels[place] if one[0] != revision]

    @precondition(lambda self: self.items)
    @rule(data=st.data())
    def delete_scan(self, data: st.DataObject) -> None:
        """Purged at once, else what was said of it is back when the scan is."""
        sha256, _ = data.draw(st.sampled_from(sorted(self.items)))
        deletion.delete_scan(self.store, sha256, person="cleo")
        deletion.purge(self.store, person="cleo")
        for known in (self.labels, self.numbers, self.flags):
            for place in [one for one in known if one[0] == sha256]:
                del known[place]
        self.verdicts = {key: verdict for key, verdict in self.verdicts.items() if key[0][0] != sha256}
        self.drafts = {key: seed for key, seed in self.drafts.items() if key[0][0] != sha256}
        self.said = {key: present for key, present in self.said.items() if key[0][0] != sha256}
        self.items = {one for one in self.items if one[0] != sha256}

    @rule()
    def purge(self) -> None:
        deletion.purge(self.store, person="cleo")

    @precondition(lambda self: self.items)
    @rule(data=st.data(), person=st.sampled_from(PEOPLE), present=st.booleans())
    def say(self, data: st.DataObject, person: str, present: bool) -> None:
        sha256, index = data.draw(st.sampled_from(sorted(self.items)))
        confounder_statements.say(self.store, sha256, {"hair": present}, person=person, index=index)
        self.said[(sha256, index, person), "hair"] = present

    @invariant()
    def labels_are_those_of_the_dictionary(self) -> None:
        for scan in SCANS:
            for person in PEOPLE:
                for index in (0, 1):
                    known = self.labels[scan.sha256, index, person]
                    assert self.store.revisions(scan.sha256, person, index=index) == [one for one, _ in known]
        for known in self.labels.values():
            for revision, seed in known[-1:]:
                np.testing.assert_array_equal(self.store.mask(revision), make_mask(seed))

    @invariant()
    def states_are_those_of_the_dictionary(self) -> None:
        listed = {(line.scan.sha256, line.index): line for line in search.find(self.store).lines}
        assert set(listed) == self.items
        for (sha256, index), line in listed.items():
            found = {one.person: one.state for one in line.work}
            for person in PEOPLE:
                assert found.get(person, "not_started") == self.state((sha256, index, person))

    @invariant()
    def drafts_and_statements_are_those_of_the_dictionary(self) -> None:
        found = {
            ((one.scan_sha256, one.index, one.person), one.description): one
            for person in PEOPLE
            for one in drafts.find(self.store, person)
        }
        assert set(found) == set(self.drafts)
        for key, draft in found.items():
            np.testing.assert_array_equal(draft.mask, make_mask(self.drafts[key]))
        said = confounder_statements.current(self.store)
        assert {((one.scan_sha256, one.index, one.person), one.confounder): one.present for one in said} == self.said

    @invariant()
    def numbers_are_those_of_the_dictionary(self) -> None:
        found = statistics.count(self.store)
        assert (found.pictures, found.drafts) == (len(self.items), len(self.drafts))
        assert found.labels == sum(len(known) for known in self.labels.values())
        approved = {one.mask_sha256 for one in review.approved(self.store)}
        assert approved <= {one.mask_sha256 for known in self.labels.values() for one, _ in known}

    def pick(self, data: st.DataObject) -> tuple[Place, Revision]:
        """Any label that is there."""
        place = data.draw(st.sampled_from(sorted(place for place, known in self.labels.items() if known)))
        return place, data.draw(st.sampled_from(self.labels[place]))[0]

    def state(self, place: Place) -> str:
        known = self.labels[place]
        verdict = self.verdicts.get((place, known[-1][0].number)) if known else None
        if place in self.flags:
            return "flagged"
        if verdict == "sent_back":
            return "sent_back"
        if any(key[0] == place for key in self.drafts) or (known and not known[-1][0].finished):
            return "in_progress"
        return verdict or ("done" if known else "not_started")


def scan_of(sha256: str) -> Scan:
    return next(scan for scan in SCANS if scan.sha256 == sha256)


def settings_of(examples: int) -> settings:
    return settings(
        max_examples=examples, stateful_step_count=15, suppress_health_check=[HealthCheck.too_slow], deadline=None
    )


@pytest.mark.slow
class TestStoreAgainstDictionaryAtLength(StoreAgainstDictionary.TestCase):
    settings = settings_of(15)


class TestStoreAgainstDictionary(StoreAgainstDictionary.TestCase):
    settings = settings_of(4)
