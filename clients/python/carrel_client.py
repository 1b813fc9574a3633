"""A small client for Carrel's gRPC services, as an example and a starting point.

It shows five things that a client of Carrel has to get right:

1. every call has a deadline and carries the person's token (`Person.call`);
2. every act has a command id and is repeated with the same id until its outcome is known (`Person.act`);
3. an error is recognized by its reason, not by its text (`refusal`);
4. a stream is resumed after the last position that was seen (`Attendance`);
5. a list comes as a snapshot, followed by changes to it (`SessionLists`).
"""

import queue
import threading
import time
import uuid
from dataclasses import dataclass

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

import stubs  # noqa: F401  (makes the carrel.* modules below importable)
from carrel.directory.v1 import directory_service_pb2 as directory
from carrel.directory.v1 import directory_service_pb2_grpc as directory_grpc
from carrel.im.v1 import im_service_pb2_grpc as im_grpc
from carrel.presence.v1 import presence_service_pb2_grpc as presence_grpc
from carrel.session.v1 import session_service_pb2 as session
from carrel.session.v1 import session_service_pb2_grpc as session_grpc
from carrel.session.v1 import transfer_service_pb2_grpc as transfer_grpc
from carrel.session.v1.session_pb2 import Position

DEADLINE_SECONDS = 10

# After these codes nobody knows whether the act was done. The same command id settles it.
OUTCOME_UNKNOWN = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.DATA_LOSS,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.CANCELLED,
)


def connect(address):
    """Opens a channel. Over a network, use `grpc.secure_channel` and the server's certificate instead."""
    return grpc.insecure_channel(
        address,
        options=[
            # Without pings a dead connection is noticed only when the next call on it fails.
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            # The transcript of a long session is larger than the 4 MiB that gRPC takes if it is not told otherwise.
            ("grpc.max_receive_message_length", 16 * 1024 * 1024),
        ],
    )


@dataclass
class Refusal:
    """Why a call was refused, in machine-readable form."""

    code: grpc.StatusCode
    reason: str
    message: str
    metadata: dict
    fields: dict


def refusal(error):
    """Returns the details of a `grpc.RpcError`: the stable reason, its metadata, and the invalid fields."""
    found = Refusal(error.code(), "", error.details(), {}, {})
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        info = error_details_pb2.ErrorInfo()
        bad_request = error_details_pb2.BadRequest()
        if detail.Unpack(info):
            found.reason, found.metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad_request):
            found.fields = {wrong.field: wrong.description for wrong in bad_request.field_violations}
    return found


class Person:
    """Somebody with a token. A token lives for minutes; `renew` replaces it."""

    def __init__(self, channel, token):
        self.token = token
        self.sessions = session_grpc.SessionServiceStub(channel)
        self.transfers = transfer_grpc.TransferServiceStub(channel)
        self.presence = presence_grpc.PresenceServiceStub(channel)
        self.messages = im_grpc.ImServiceStub(channel)
        self.directory = directory_grpc.DirectoryServiceStub(channel)

    @property
    def metadata(self):
        """The metadata of every call."""
        return [("authorization", f"Bearer {self.token.access_token}")]

    def call(self, method, request):
        """Makes one call, with the person's token and a deadline."""
        return method(request, metadata=self.metadata, timeout=DEADLINE_SECONDS)

    def act(self, method, request):
        """Does one act, and repeats the request until its outcome is known. Returns or raises that outcome."""
        request.command_id = request.command_id or str(uuid.uuid4())
        give_up_at = time.monotonic() + 6 * DEADLINE_SECONDS
        while True:
            try:
                return self.call(method, request)
            except grpc.RpcError as error:
                if error.code() not in OUTCOME_UNKNOWN or time.monotonic() > give_up_at:
                    raise
                time.sleep(0.5)

    def renew(self):
        """Replaces the token with a fresh one, which has what the directory now says about the person."""
        request = directory.RenewTokenRequest(access_token=self.token.access_token)
        self.token = self.directory.RenewToken(request, timeout=DEADLINE_SECONDS).token

    def transcript(self, session_id, audience=None):
        """Returns the session's transcript, for the given audience or else the widest one that the person may read."""
        request = session.GetTranscriptRequest(session_id=session_id, audience=audience)
        return self.call(self.sessions.GetTranscript, request)


class Patron(Person):
    """A patron, admitted to one session at one library."""

    def __init__(self, channel, institution_id):
        request = directory.AdmitPatronRequest(institution_id=institution_id)
        admitted = directory_grpc.DirectoryServiceStub(channel).AdmitPatron(request, timeout=DEADLINE_SECONDS)
        super().__init__(channel, admitted.token)
        self.session_id = admitted.session_id


class Librarian(Person):
    """A librarian who is logged in. `profile` says what they may do and which queues they may monitor."""

    def __init__(self, channel, log_in_name, password):
        request = directory.LogInRequest(log_in_name=log_in_name, password=password)
        logged_in = directory_grpc.DirectoryServiceStub(channel).LogIn(request, timeout=DEADLINE_SECONDS)
        super().__init__(channel, logged_in.token)
        self.profile = logged_in.profile


class Stream:
    """Reads a server's stream in a separate thread, and lets other threads wait for what arrives."""

    def __init__(self, responses):
        self._responses = responses
        self._changed = threading.Condition()
        self.error = None
        self.over = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def take(self, response):
        """Handles one response. Called with the lock held."""
        raise NotImplementedError

    def wait_for(self, condition):
        """Waits until the condition holds, and returns its value. Fails if the stream ends or stays silent."""
        with self._changed:
            found = self._changed.wait_for(lambda: condition() or self.over, timeout=DEADLINE_SECONDS)
            value = condition()
        if value:
            return value
        raise self.error or TimeoutError("the stream ended" if found else "nothing came in time")

    def close(self):
        """Ends the stream, and nothing else on the server."""
        self._responses.cancel()
        self._reader.join()

    def _read(self):
        try:
            for response in self._responses:
                with self._changed:
                    self.take(response)
                    self._changed.notify_all()
        except grpc.RpcError as error:
            self.error = error
        with self._changed:
            self.over = True
            self._changed.notify_all()


class Attendance(Stream):
    """Attends one session, and collects its events after a position, each once and in order, as they come.

    When the stream ends with a code of OUTCOME_UNKNOWN or the reason TOO_SLOW, or the connection is lost, make a new
    Attendance with `after` set to the `position` of the old one, so that nothing is missed or repeated. Then resend, in
    order and with their ids, the acts that had no final answer: those after one of unknown outcome were not done.
    """

    def __init__(self, person, session_id, after=None):
        self.joined = None
        self.events = []
        self.position = after
        # The requests go out as they are put into this queue; None would end them, and with them the stream.
        self._requests = queue.SimpleQueue()
        self.send(join=session.Join(session_id=session_id, after=after))
        requests = iter(self._requests.get, None)
        super().__init__(person.sessions.Attend(requests, metadata=person.metadata))

    def send(self, **request):
        """Sends one request: `act=…`, `typing=…` or, before the token expires, `renew=…`."""
        self._requests.put(session.AttendRequest(**request))

    def close(self):
        self._requests.put(None)
        super().close()

    def take(self, response):
        kind = response.WhichOneof("response")
        if kind == "joined":
            self.joined = response.joined
            if self.position is None or response.joined.resync:
                # From the beginning: number 0 of the history that the server names.
                self.position = Position(epoch=response.joined.head.epoch, number=0)
                self.events.clear()
        elif kind == "event":
            self.events.append(response.event)
            self.position.number = response.event.position

    def event(self, kind, text=None):
        """Waits for an event of the kind ("message", "note", "ended", …), with the text if one is given."""

        def fits(event):
            return event.WhichOneof("payload") == kind and (text is None or getattr(event, kind).text == text)

        return self.wait_for(lambda: next(filter(fits, self.events), None))


class SessionLists(Stream):
    """A librarian's lists of live sessions (New, My Active and All), kept up to date."""

    def __init__(self, librarian, queue_ids=(), all_of_library=False):
        self.rows = {}
        self.ready = False
        request = session.WatchSessionsRequest(queue_ids=queue_ids, all=all_of_library)
        super().__init__(librarian.sessions.WatchSessions(request, metadata=librarian.metadata))

    def take(self, response):
        kind = response.WhichOneof("change")
        if kind == "snapshot":
            self.rows = {(row.list, row.session_id): row for row in response.snapshot.rows}
            self.ready = True
        elif kind == "further":
            self.rows.update({(row.list, row.session_id): row for row in response.further.rows})
        elif kind == "changed":
            self.rows[response.changed.list, response.changed.session_id] = response.changed
        elif kind == "removed":
            self.rows.pop((response.removed.list, response.removed.session_id), None)

    def row(self, which, session_id):
        """Waits until a session is in a list, and returns its row."""
        return self.wait_for(lambda: self.rows.get((which, session_id)))
