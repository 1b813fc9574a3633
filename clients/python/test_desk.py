"""Two librarians of two libraries at one desk: presence, messages between them, and a transfer."""

import unittest

import grpc
from carrel_process import CarrelProcess

from carrel_client import Attendance, Librarian, Patron, SessionLists, connect, refusal
from carrel_desk import Conversations, Monitor, Roster
from carrel.im.v1 import im_service_pb2 as im
from carrel.presence.v1 import presence_service_pb2 as presence
from carrel.session.v1 import session_service_pb2 as session
from carrel.session.v1 import transfer_service_pb2 as transfer

DEMO_PASSWORD = "demo"


class AtTheDesk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.carrel = cls.enterClassContext(CarrelProcess())
        cls.channel = cls.enterClassContext(connect(cls.carrel.grpc_address))

    def open(self, stream, ready):
        """Keeps a stream open until the end of the test, and waits until it is ready."""
        self.addCleanup(stream.close)
        stream.wait_for(lambda: ready(stream))
        return stream

    def test_a_patron_is_handed_over(self):
        ms_map = Librarian(self.channel, "map@harbor", DEMO_PASSWORD)
        mr_lee = Librarian(self.channel, "lee@maple", DEMO_PASSWORD)
        self.open(Monitor(ms_map, ["maple"]), lambda monitor: monitor.own)

        # A librarian who is not there cannot be written to.
        to_lee = im.SendMessageRequest(librarian_id=mr_lee.profile.librarian_id, text="Do you have a minute?")
        with self.assertRaises(grpc.RpcError) as caught:
            ms_map.act(ms_map.messages.SendMessage, to_lee)
        self.assertEqual(refusal(caught.exception).reason, "NOT_SHARED")

        # Mr Lee opens his monitor: Ms Map sees him, with his library and his status.
        roster = self.open(Roster(ms_map), lambda roster: roster.ready)
        desk_of_lee = Monitor(mr_lee, ["maple", "harbor"])
        desk_of_lee.wait_for(lambda: desk_of_lee.own)
        row = roster.wait_for(lambda: roster.named("Mr Lee"))
        self.assertEqual((row.institution_name, row.queue_count), ("Maple County Library", 2))
        self.assertEqual(row.status, presence.STATUS_AVAILABLE)
        self.assertEqual(list(row.shared_queue_ids), ["maple"])

        # Ms Map writes to Mr Lee, who receives it.
        heard = self.open(Conversations(mr_lee), lambda conversations: conversations.ready)
        written = ms_map.act(ms_map.messages.SendMessage, to_lee)
        arrived = heard.message("Do you have a minute?")
        self.assertEqual(arrived.conversation_id, written.conversation_id)
        self.assertEqual(arrived.message.author.screen_name, "Ms Map")

        # Ms Map picks Ricky up, and offers him to Mr Lee with the introduction in Mr Lee's row.
        ricky = Patron(self.channel, "maple")
        ricky.act(ricky.sessions.OpenSession, session.OpenSessionRequest(question="Where is the plat map?"))
        ms_map.act(ms_map.sessions.PickUpSession, session.PickUpSessionRequest(session_id=ricky.session_id))
        page = self.open(Attendance(ricky, ricky.session_id), lambda page: page.joined)
        offers = self.open(SessionLists(mr_lee), lambda lists: lists.ready)
        offer = transfer.OfferTransferRequest(
            session_id=ricky.session_id, introduction=row.introduction, message="You know plat maps."
        )
        offered = ms_map.act(ms_map.transfers.OfferTransfer, offer)
        standing = offers.row(session.SESSION_LIST_OFFERED, ricky.session_id).transfer_offer
        self.assertEqual((standing.offer_id, standing.message), (offered.offer_id, "You know plat maps."))

        # Mr Lee accepts. Ricky is told who answers now, and nothing about the offer.
        accept = transfer.AcceptTransferRequest(session_id=ricky.session_id, offer_id=offered.offer_id)
        mr_lee.act(mr_lee.transfers.AcceptTransfer, accept)
        self.assertEqual(page.event("transferred").author.name, "Mr Lee")
        self.assertEqual([event.position for event in page.events], [1, 2, 3])
        roster.wait_for(lambda: roster.named("Mr Lee").active_count == 1)
        with self.assertRaises(grpc.RpcError) as caught:
            late = session.PostMessageRequest(session_id=ricky.session_id, text="One more thing")
            ms_map.act(ms_map.sessions.PostMessage, late)
        self.assertEqual(refusal(caught.exception).reason, "NO_LONGER_OWNER")

        # Mr Lee goes home: he is gone for Ms Map at once. Ricky is still his.
        desk_of_lee.close()
        roster.wait_for(lambda: roster.named("Mr Lee") is None)


if __name__ == "__main__":
    unittest.main()
