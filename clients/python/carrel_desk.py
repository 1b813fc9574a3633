"""The desk around the sessions: a librarian's own presence, that of others, and messages between librarians.

It shows three more things that a librarian's client has to get right:

1. presence is a lease: `Monitor` sends a sign of life every few seconds, and says goodbye when it closes;
2. the other librarians come as a snapshot, followed by changes to it (`Roster`);
3. so do conversations (`Conversations`): new messages arrive on the stream, and missed ones have to be listed.
"""

import queue
import threading
import uuid

import stubs  # noqa: F401  (makes the carrel.* modules below importable)
from carrel_client import Stream
from carrel.im.v1 import im_service_pb2 as im
from carrel.presence.v1 import presence_service_pb2 as presence

SIGN_OF_LIFE_SECONDS = 5


class Monitor(Stream):
    """An open monitor. Others see its librarian while it is open, and for 15 seconds after its connection is lost."""

    def __init__(self, librarian, queue_ids):
        self.own = None
        self.refused = None
        self._requests = queue.SimpleQueue()
        self._closed = threading.Event()
        self.announce(monitor_id=str(uuid.uuid4()), queues=presence.MonitoredQueues(queue_ids=queue_ids))
        requests = iter(self._requests.get, None)
        super().__init__(librarian.presence.Announce(requests, metadata=librarian.metadata))
        threading.Thread(target=self._stay, daemon=True).start()

    def announce(self, **announcement):
        """Announces the monitor, or a new `status=…` or `queues=…` of its librarian."""
        self._send(announcement=presence.Announcement(**announcement))

    def close(self):
        """Says goodbye, so that everyone sees at once that the librarian is gone."""
        self._closed.set()
        self._send(goodbye=presence.Goodbye())
        self.wait_for(lambda: self.over)
        self._requests.put(None)

    def take(self, response):
        kind = response.WhichOneof("response")
        if kind == "own_presence":
            self.own = response.own_presence
        elif kind == "refused":
            self.refused = response.refused

    def _send(self, **request):
        self._requests.put(presence.AnnounceRequest(**request))

    def _stay(self):
        while not self._closed.wait(SIGN_OF_LIFE_SECONDS):
            self._send(here=presence.Here())


class Roster(Stream):
    """The librarians who share a queue with this one, and the queues, kept up to date."""

    def __init__(self, librarian):
        self.librarians = {}
        self.queues = {}
        self.ready = False
        super().__init__(librarian.presence.WatchDesk(presence.WatchDeskRequest(), metadata=librarian.metadata))

    def take(self, response):
        kind = response.WhichOneof("change")
        if kind == "snapshot":
            self.librarians = {row.librarian_id: row for row in response.snapshot.librarians}
            self.queues = {state.queue_id: state for state in response.snapshot.queues}
            self.ready = True
        elif kind == "librarian":
            self.librarians[response.librarian.librarian_id] = response.librarian
        elif kind == "librarian_gone":
            self.librarians.pop(response.librarian_gone.librarian_id, None)
        elif kind == "queue":
            self.queues[response.queue.queue_id] = response.queue

    def named(self, screen_name):
        """Returns the row of the librarian with this name, or None."""
        rows = list(self.librarians.values())
        return next((row for row in rows if row.screen_name == screen_name), None)


class Conversations(Stream):
    """What other librarians write from now on."""

    def __init__(self, librarian):
        self.conversations = {}
        self.arrived = []
        self.ready = False
        request = im.WatchConversationsRequest()
        super().__init__(librarian.messages.WatchConversations(request, metadata=librarian.metadata))

    def take(self, response):
        kind = response.WhichOneof("change")
        if kind == "snapshot":
            self.conversations = {each.conversation_id: each for each in response.snapshot.conversations}
            self.ready = True
        elif kind == "changed":
            self.conversations[response.changed.conversation_id] = response.changed
        elif kind == "gone":
            self.conversations.pop(response.gone.conversation_id, None)
        elif kind == "arrived":
            self.arrived.append(response.arrived)

    def message(self, text):
        """Waits for a message with this text, and returns it."""
        return self.wait_for(lambda: next((each for each in self.arrived if each.message.text == text), None))
