"""The story of Ms Map, Ricky and the administrator, with nothing but JSON on a websocket."""

import json
import unittest

from carrel_process import CarrelProcess
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from carrel_socket import CarrelSocket, HttpRefusal, Refused, http


class CarrelTest(unittest.TestCase):
    """Tests against one Carrel, which starts with the first and stops after the last."""

    @classmethod
    def setUpClass(cls):
        cls.carrel = cls.enterClassContext(CarrelProcess())
        cls.address = cls.carrel.http_address

    def socket(self, token):
        """A person's socket, until the end of the test."""
        return self.enterContext(CarrelSocket(self.address, token))

    def librarian(self, log_in_name):
        """A librarian's socket and token."""
        answer = http(self.address, "/v1/log-in", {"logInName": log_in_name, "password": "demo"})
        token = answer["token"]["accessToken"]
        return self.socket(token), token

    def patron(self, question="Where do I find old maps?", name="Ricky"):
        """The socket and token of a patron of Maple who asks, and the session's id."""
        answer = http(self.address, "/v1/admit", {"institutionId": "maple"})
        token, session_id = answer["token"]["accessToken"], answer["sessionId"]
        socket = self.socket(token)
        socket.act(session_id, openSession={"question": question, "patronName": name})
        socket.attend(session_id)
        return socket, token, session_id


class TheStory(CarrelTest):
    """S46."""

    def test_ms_map_ricky_and_the_administrator(self):
        ms_map, ms_map_token = self.librarian("map@harbor")
        admin, admin_token = self.librarian("admin@maple")
        ricky, ricky_token, session_id = self.patron()

        # Ms Map sees Ricky in the New list, picks him up, and they talk.
        ms_map.send({"watch": {"queueIds": ["maple"]}})
        rows = ms_map.wait_for("lists")["snapshot"]["rows"]
        self.assertIn(("SESSION_LIST_NEW", "Ricky"), [(row["list"], row["patronName"]) for row in rows])
        ms_map.act(session_id, pickUp={})
        ms_map.attend(session_id)
        ms_map.act(session_id, postMessage={"text": "Hello Ricky, which town?"})
        ricky.event("message", "Hello Ricky, which town?")
        ricky.act(session_id, postMessage={"text": "Sugar Creek."})
        ms_map.event("message", "Sugar Creek.")

        # The administrator finds the session in the All list, accepts the warning and sees everything.
        admin.send({"watch": {"all": True}})
        rows = admin.wait_for("lists")["snapshot"]["rows"]
        mine = next(row for row in rows if row["sessionId"] == session_id)
        self.assertEqual((mine["list"], mine["owner"]["name"]), ("SESSION_LIST_ALL", "Ms Map"))
        with self.assertRaises(Refused) as unwarned:
            admin.act(session_id, enterConference={})
        self.assertEqual(unwarned.exception.refusal["reason"], "WARNING_NOT_ACCEPTED")
        version = admin.welcome["profile"]["conferenceWarning"]["version"]
        admin.act(session_id, enterConference={"warningVersion": version})
        admin.attend(session_id)
        admin.event("message", "Sugar Creek.")

        # A note from the administrator is the first that Ms Map sees of them. She answers with a note.
        before = len(ms_map.events())
        admin.act(session_id, writeNote={"text": "Try the county atlas of 1888."})
        note = ms_map.event("note", "Try the county atlas of 1888.")
        self.assertEqual(note["author"]["name"], "Maple Admin")
        self.assertEqual(ms_map.events()[before:], [note])
        ms_map.act(session_id, writeNote={"text": "Thank you, I will."})
        admin.event("note", "Thank you, I will.")

        # The administrator leaves; Ms Map and Ricky go on, and Ms Map ends it.
        admin.act(session_id, leaveConference={})
        ms_map.event("colleagueLeft")
        ricky.act(session_id, postMessage={"text": "Are you still there?"})
        ms_map.event("message", "Are you still there?")
        ms_map.act(session_id, endSession={})
        ricky.event("ended")

        # Nothing that Ricky received has a trace of the notes or their writer, and his positions have no gap.
        transcript = self.transcript(session_id, "patron", ricky_token)
        for received in [*ricky.received, transcript]:
            for trace in ["atlas of 1888", "I will", "Admin"]:
                self.assertNotIn(trace, json.dumps(received))
        self.assertEqual(transcript["events"], ricky.events())
        numbers = [event["position"] for event in transcript["events"]]
        self.assertEqual(numbers, [str(number) for number in range(1, len(numbers) + 1)])

        # The staff's transcript has the notes; the audit has the administrator's entry and exit.
        staff = self.transcript(session_id, "staff", ms_map_token)
        notes = [event["note"]["text"] for event in staff["events"] if "note" in event]
        self.assertEqual(notes, ["Try the county atlas of 1888.", "Thank you, I will."])
        audit = http(self.address, "/v1/audit?page_size=10", token=admin_token)["entries"]
        acts = [entry["act"] for entry in audit if entry["sessionId"] == session_id]
        self.assertEqual(acts, ["AUDIT_ACT_CONFERENCE_LEFT", "AUDIT_ACT_CONFERENCE_ENTERED"])

    def transcript(self, session_id, audience, token):
        """The session's transcript, by HTTP."""
        return http(self.address, f"/v1/sessions/{session_id}/transcript?audience={audience}", token=token)


class GoodManners(CarrelTest):
    """What a client meets when something goes wrong."""

    def test_a_lost_socket_loses_nothing(self):
        ms_map, _ = self.librarian("map@harbor")
        ricky, token, session_id = self.patron()
        ms_map.act(session_id, pickUp={})
        ricky.event("pickedUp")
        head = ricky.wait_for("attending")["joined"]["head"]
        ricky.close()
        ms_map.act(session_id, postMessage={"text": "Hello!"})
        again = self.socket(token)
        last = ricky.events()[-1]["position"]
        joined = again.attend(session_id, after={"epoch": head["epoch"], "number": last})
        self.assertNotIn("resync", joined)
        again.event("message", "Hello!")
        numbers = [int(event["position"]) for event in ricky.events() + again.events()]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_a_refused_act_says_why_and_the_socket_goes_on(self):
        ricky, _, session_id = self.patron()
        with self.assertRaises(Refused) as refused:
            ricky.act(session_id, postMessage={"text": "x" * 4001})
        self.assertEqual(refused.exception.refusal["reason"], "TOO_LONG")
        self.assertEqual(refused.exception.refusal["metadata"], {"limit": "4000"})
        ricky.act(session_id, postMessage={"text": "shorter"})

    def test_a_frame_that_is_none_closes_the_socket_with_its_code(self):
        for frame in ["no JSON at all", '{"hello": {"unknownField": 1}}', '{"ping": {"number": "1"}}']:
            with self.subTest(frame=frame):
                address = f"ws://{self.address}/v1/socket"
                with connect(address, subprotocols=["carrel.v1.json"]) as socket:
                    socket.send(frame)
                    with self.assertRaises(ConnectionClosed) as closed:
                        socket.recv(timeout=10)
                self.assertEqual(closed.exception.rcvd.code, 4400)

    def test_a_bad_token_closes_the_socket_with_4401(self):
        with self.assertRaises(ConnectionClosed) as closed:
            self.socket("not a token")
        self.assertEqual(closed.exception.rcvd.code, 4401)

    def test_http_refusals_have_a_reason(self):
        with self.assertRaises(HttpRefusal) as wrong:
            http(self.address, "/v1/log-in", {"logInName": "map@harbor", "password": "guess"})
        self.assertEqual((wrong.exception.status, wrong.exception.refusal["reason"]), (401, "WRONG_CREDENTIALS"))


if __name__ == "__main__":
    unittest.main()
