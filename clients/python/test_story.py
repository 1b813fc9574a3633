"""Ms Map of Harbor answers Ricky of Maple, and an administrator of Maple looks in.

All three call Carrel by gRPC, as the systems of other institutions would.
"""

import unittest
import uuid

import grpc
from carrel_process import CarrelProcess

from carrel_client import Attendance, Librarian, Patron, SessionLists, connect, refusal
from carrel.session.v1 import session_pb2
from carrel.session.v1 import session_service_pb2 as session

NEW, MY_ACTIVE, ALL = session.SESSION_LIST_NEW, session.SESSION_LIST_MY_ACTIVE, session.SESSION_LIST_ALL
DEMO_PASSWORD = "demo"


def kinds(events):
    """Returns the kinds of these events, in order."""
    return [event.WhichOneof("payload") for event in events]


class CarrelTest(unittest.TestCase):
    """Tests that share one Carrel, which is stopped after the last of them."""

    @classmethod
    def setUpClass(cls):
        cls.carrel = cls.enterClassContext(CarrelProcess())
        cls.channel = cls.enterClassContext(connect(cls.carrel.grpc_address))
        cls.ms_map = Librarian(cls.channel, "map@harbor", DEMO_PASSWORD)
        cls.admin = Librarian(cls.channel, "admin@maple", DEMO_PASSWORD)

    def open_session(self, question="Where do I find old maps?", name="Ricky"):
        """Lets a patron of Maple ask."""
        patron = Patron(self.channel, "maple")
        request = session.OpenSessionRequest(question=question, patron_name=name)
        patron.act(patron.sessions.OpenSession, request)
        return patron

    def pick_up(self, librarian, patron):
        """Lets a librarian pick the patron up."""
        request = session.PickUpSessionRequest(session_id=patron.session_id)
        return librarian.act(librarian.sessions.PickUpSession, request).session

    def enter(self, supervisor, session_id):
        """Lets a supervisor accept the warning and enter."""
        version = supervisor.profile.conference_warning.version
        request = session.EnterConferenceRequest(session_id=session_id, warning_version=version)
        return supervisor.act(supervisor.sessions.EnterConference, request)

    def message(self, person, session_id, text):
        """Writes a message, which everyone sees."""
        return person.act(person.sessions.PostMessage, session.PostMessageRequest(session_id=session_id, text=text))

    def note(self, person, session_id, text):
        """Writes a note, which only staff see."""
        return person.act(person.sessions.WriteNote, session.WriteNoteRequest(session_id=session_id, text=text))

    def attend(self, person, session_id, after=None):
        """Attends a session until the end of the test."""
        attendance = Attendance(person, session_id, after)
        self.addCleanup(attendance.close)
        attendance.wait_for(lambda: attendance.joined)
        return attendance

    def lists(self, librarian, **which):
        """Watches a librarian's lists until the end of the test."""
        lists = SessionLists(librarian, **which)
        self.addCleanup(lists.close)
        lists.wait_for(lambda: lists.ready)
        return lists

    def refused(self, call, *arguments):
        """Makes a call that must be refused, and returns the refusal."""
        with self.assertRaises(grpc.RpcError) as caught:
            call(*arguments)
        return refusal(caught.exception)

    def assert_no_gap(self, events):
        """Checks that the positions are 1, 2, 3 …, whatever the reader may not see."""
        self.assertEqual([event.position for event in events], list(range(1, len(events) + 1)))


class TheStory(CarrelTest):
    """S46, over gRPC."""

    def test_ms_map_ricky_and_the_administrator(self):
        mine = self.lists(self.ms_map, queue_ids=["maple", "harbor"])
        ricky = self.open_session()
        session_id = ricky.session_id
        waiting = mine.row(NEW, session_id)
        self.assertEqual((waiting.patron_name, waiting.question), ("Ricky", "Where do I find old maps?"))
        self.assertEqual(waiting.institution_name, "Maple County Library")

        # 1. Ms Map picks up Ricky. The two talk.
        self.pick_up(self.ms_map, ricky)
        mine.row(MY_ACTIVE, session_id)
        mine.wait_for(lambda: (NEW, session_id) not in mine.rows)
        desk, page = self.attend(self.ms_map, session_id), self.attend(ricky, session_id)
        self.message(self.ms_map, session_id, "Hello Ricky, which town?")
        page.event("message", "Hello Ricky, which town?")
        self.message(ricky, session_id, "Sugar Creek, about 1890.")
        desk.event("message", "Sugar Creek, about 1890.")

        # 2. The administrator of Ricky's library finds the session in the All list and goes in, once the warning in
        # force is accepted (R1). Ms Map gets no notice.
        everything = self.lists(self.admin, all_of_library=True)
        self.assertEqual(everything.row(ALL, session_id).owner.name, "Ms Map")
        self.assertEqual(self.unwarned(session_id).reason, "WARNING_NOT_ACCEPTED")
        entered = self.enter(self.admin, session_id)
        self.assertEqual(list(entered.session.colleagues), [])
        everything.wait_for(lambda: everything.rows[ALL, session_id].caller_inside)

        # 3. The administrator sees all that was said.
        watching = self.attend(self.admin, session_id)
        watching.event("message", "Sugar Creek, about 1890.")
        self.assertEqual(kinds(watching.events), kinds(desk.events))
        self.assertEqual(watching.joined.part, session_pb2.PART_COLLEAGUE)

        # 4. The administrator's note reaches Ms Map with the writer's name. It is the first that she sees of them.
        before = len(desk.events)
        self.note(self.admin, session_id, "Try the county atlas of 1888.")
        note = desk.event("note", "Try the county atlas of 1888.")
        self.assertEqual((note.author.name, note.author.part), ("Maple Admin", session_pb2.PART_COLLEAGUE))
        self.assertEqual(kinds(desk.events[before:]), ["note"])
        self.assertEqual(self.colleagues(self.ms_map, session_id), ["Maple Admin"])
        self.assertEqual(self.colleagues(ricky, session_id), [])

        # 5. Ms Map answers in a note; then she answers in the wrong box, and Ricky sees that.
        self.note(self.ms_map, session_id, "Thank you, I will.")
        watching.event("note", "Thank you, I will.")
        self.message(self.ms_map, session_id, "Do you know its shelf mark?")
        page.event("message", "Do you know its shelf mark?")

        # The administrator leaves. Ms Map and Ricky are still connected.
        leave = session.LeaveConferenceRequest(session_id=session_id)
        self.admin.act(self.admin.sessions.LeaveConference, leave)
        desk.event("colleague_left")
        watching.wait_for(lambda: watching.over)
        self.assertEqual(refusal(watching.error).reason, "NOT_INSIDE")
        self.message(ricky, session_id, "No, sorry.")
        desk.event("message", "No, sorry.")

        # Ms Map ends it.
        self.ms_map.act(self.ms_map.sessions.EndSession, session.EndSessionRequest(session_id=session_id))
        page.event("ended")
        desk.event("ended")

        self.assert_ricky_saw_no_trace(page, ricky)
        self.assert_staff_transcript(session_id)
        self.assert_audit(session_id)

    def unwarned(self, session_id):
        request = session.EnterConferenceRequest(session_id=session_id, command_id=str(uuid.uuid4()))
        why = self.refused(self.admin.act, self.admin.sessions.EnterConference, request)
        self.assertEqual(why.metadata["warning_version"], self.admin.profile.conference_warning.version)
        return why

    def colleagues(self, person, session_id):
        request = session.GetSessionRequest(session_id=session_id)
        return [colleague.name for colleague in person.call(person.sessions.GetSession, request).session.colleagues]

    def assert_ricky_saw_no_trace(self, page, ricky):
        """S21, S22, S30, R4: no note, no administrator, no hole where they were, live and in the transcript."""
        seen = ["opened", "picked_up", "message", "message", "message", "message", "ended"]
        self.assertEqual(kinds(page.events), seen)
        transcript = ricky.transcript(ricky.session_id)
        self.assertEqual(transcript.audience, session_pb2.AUDIENCE_PATRON)
        self.assertEqual(list(transcript.events), page.events)
        self.assertEqual(list(transcript.session.colleagues), [])
        self.assert_no_gap(transcript.events)
        for received in [transcript, page.joined, *page.events]:
            for trace in ["atlas of 1888", "I will", "Admin"]:
                self.assertNotIn(trace, str(received))
        why = self.refused(ricky.transcript, ricky.session_id, session_pb2.AUDIENCE_STAFF)
        self.assertEqual(why.code, grpc.StatusCode.PERMISSION_DENIED)

    def assert_staff_transcript(self, session_id):
        """S20: the librarian's view has the notes, with their writers' names."""
        transcript = self.ms_map.transcript(session_id)
        self.assertEqual(transcript.audience, session_pb2.AUDIENCE_STAFF)
        self.assert_no_gap(transcript.events)
        notes = [(e.author.name, e.note.text) for e in transcript.events if e.WhichOneof("payload") == "note"]
        expected = [("Maple Admin", "Try the county atlas of 1888."), ("Ms Map", "Thank you, I will.")]
        self.assertEqual(notes, expected)

    def assert_audit(self, session_id):
        """D12, R21: the library's administrators can read who went in and out."""
        audit = self.admin.call(self.admin.sessions.ListAuditEntries, session.ListAuditEntriesRequest())
        acts = [(e.act, e.detail) for e in reversed(audit.entries) if e.session_id == session_id]
        version = self.admin.profile.conference_warning.version
        expected = [(session.AUDIT_ACT_CONFERENCE_ENTERED, version), (session.AUDIT_ACT_CONFERENCE_LEFT, "LEFT")]
        self.assertEqual(acts, expected)


class GoodManners(CarrelTest):
    """What a program can rely on when something goes wrong."""

    def test_one_patron_one_librarian(self):
        """D28: of two who pick up, the second is told who was faster."""
        lee = Librarian(self.channel, "lee@maple", DEMO_PASSWORD)
        patron = self.open_session()
        self.pick_up(self.ms_map, patron)
        why = self.refused(self.pick_up, lee, patron)
        self.assertEqual((why.code, why.reason), (grpc.StatusCode.FAILED_PRECONDITION, "ALREADY_PICKED_UP"))
        self.assertEqual(why.metadata["picked_up_by"], "Ms Map")

    def test_a_command_is_done_once(self):
        patron = self.open_session()
        request = session.PostMessageRequest(
            command_id=str(uuid.uuid4()), session_id=patron.session_id, text="Is anyone there?"
        )
        first = patron.act(patron.sessions.PostMessage, request)
        again = patron.act(patron.sessions.PostMessage, request)
        self.assertEqual((first.replayed, again.replayed), (False, True))
        self.assertEqual(first.position, again.position)
        request.text = "Something else"
        why = self.refused(patron.act, patron.sessions.PostMessage, request)
        self.assertEqual((why.code, why.reason), (grpc.StatusCode.ALREADY_EXISTS, "COMMAND_ID_REUSED"))

    def test_a_stream_is_resumed_where_it_stopped(self):
        patron = self.open_session()
        self.pick_up(self.ms_map, patron)
        page = Attendance(patron, patron.session_id)
        page.event("picked_up")
        page.close()
        self.message(self.ms_map, patron.session_id, "Hello!")
        resumed = self.attend(patron, patron.session_id, after=page.position)
        self.assertFalse(resumed.joined.resync)
        resumed.event("message", "Hello!")
        self.assert_no_gap(page.events + resumed.events)

    def test_errors_say_what_was_wrong(self):
        patron = self.open_session()
        self.pick_up(self.ms_map, patron)

        too_long = self.refused(self.message, patron, patron.session_id, "x" * 4001)
        self.assertEqual((too_long.code, too_long.reason), (grpc.StatusCode.INVALID_ARGUMENT, "TOO_LONG"))
        self.assertEqual(too_long.metadata["limit"], "4000")
        self.assertIn("text", too_long.fields)

        page = session.PushPageRequest(session_id=patron.session_id, address="javascript:alert(1)")
        bad_page = self.refused(self.ms_map.act, self.ms_map.sessions.PushPage, page)
        self.assertEqual((bad_page.code, bad_page.reason), (grpc.StatusCode.INVALID_ARGUMENT, "BAD_ADDRESS"))

        not_for_patrons = self.refused(self.note, patron, patron.session_id, "I am staff now")
        expected = (grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")
        self.assertEqual((not_for_patrons.code, not_for_patrons.reason), expected)

        elsewhere = Librarian(self.channel, "admin@harbor", DEMO_PASSWORD)
        not_theirs = self.refused(self.enter, elsewhere, patron.session_id)
        self.assertEqual((not_theirs.code, not_theirs.reason), (grpc.StatusCode.NOT_FOUND, "NOT_FOUND"))

    def test_without_a_good_token_nothing_goes(self):
        request = session.GetSessionRequest(session_id="0" * 32)
        without = self.refused(lambda: self.admin.sessions.GetSession(request, timeout=10))
        self.assertEqual((without.code, without.reason), (grpc.StatusCode.UNAUTHENTICATED, "NO_TOKEN"))
        bad = [("authorization", "Bearer " + self.admin.token.access_token[:-2])]
        forged = self.refused(lambda: self.admin.sessions.GetSession(request, timeout=10, metadata=bad))
        self.assertEqual((forged.code, forged.reason), (grpc.StatusCode.UNAUTHENTICATED, "BAD_TOKEN"))
        wrong = self.refused(Librarian, self.channel, "map@harbor", "guess")
        self.assertEqual((wrong.code, wrong.reason), (grpc.StatusCode.UNAUTHENTICATED, "WRONG_CREDENTIALS"))

    def test_a_token_is_renewed(self):
        librarian = Librarian(self.channel, "ask@maple", DEMO_PASSWORD)
        librarian.renew()
        self.lists(librarian, all_of_library=True)


if __name__ == "__main__":
    unittest.main()
