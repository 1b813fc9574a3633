"""A client for Carrel's websocket that needs nothing but a websocket library: frames are hand-written JSON.

The frames are the messages of proto/carrel/gateway/v1/frames.proto in proto3's JSON form: field names in camelCase,
64-bit numbers as strings, times as RFC 3339, and fields that have their default value left out.
"""

import contextlib
import json
import time
import urllib.error
import urllib.request
import uuid

from websockets.sync.client import connect

TIMEOUT_SECONDS = 10


class HttpRefusal(Exception):
    """A refused HTTP request. `refusal` is the body: code, reason, message and what goes with them."""

    def __init__(self, status, refusal):
        super().__init__(f"{status}: {refusal['message']}")
        self.status = status
        self.refusal = refusal


def http(address, path, body=None, token=None):
    """Makes one request to the gateway's HTTP face and returns the JSON of the answer."""
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{address}{path}", data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            raise HttpRefusal(error.code, json.load(error)) from None


class Refused(Exception):
    """An act that was refused. `refusal` has its code, reason, message and what goes with them."""

    def __init__(self, refusal):
        super().__init__(refusal["message"])
        self.refusal = refusal


class CarrelSocket:
    """One person's socket, for a `with` statement. What it received is in `received`, as frames and in that order."""

    def __init__(self, address, token):
        # The library answers the server's pings by itself.
        self._connecting = connect(
            f"ws://{address}/v1/socket", subprotocols=["carrel.v1.json"], open_timeout=TIMEOUT_SECONDS
        )
        self._token = token
        self._socket = None
        self.received = []
        self.welcome = None

    def __enter__(self):
        self._socket = self._connecting.__enter__()
        self.send({"hello": {"accessToken": self._token}})
        self.welcome = self.wait_for("welcome")
        return self

    def __exit__(self, *exception):
        self._connecting.__exit__(*exception)

    def send(self, frame):
        """Sends one frame."""
        self._socket.send(json.dumps(frame))

    def wait_for(self, kind, condition=lambda body: True):
        """Returns the body of the first frame of this kind that meets the condition, old or still to come."""
        for frame in self.received:
            if kind in frame and condition(frame[kind]):
                return frame[kind]
        while True:
            frame = json.loads(self._socket.recv(timeout=TIMEOUT_SECONDS))
            self.received.append(frame)
            if kind in frame and condition(frame[kind]):
                return frame[kind]

    def attend(self, session_id, after=None):
        """Takes part in a session, from the beginning or after a position such as {"epoch": "…", "number": "7"}."""
        self.send({"attend": {"sessionId": session_id, **({"after": after} if after else {})}})
        return self.wait_for("attending", lambda attending: attending["sessionId"] == session_id)["joined"]

    def act(self, session_id, **act):
        """Does one thing, for example `act(id, postMessage={"text": "Hello"})`, and waits for its outcome.

        If the connection is lost before that, the same frame with the same commandId may be sent on a new socket.
        """
        command_id = str(uuid.uuid4())
        self.send({"act": {"commandId": command_id, "sessionId": session_id, **act}})

        def mine(body):
            return body.get("commandId") == command_id

        while True:
            for frame in self.received:
                if mine(frame.get("accepted", {})):
                    return frame["accepted"]
                if mine(frame.get("refused", {})):
                    raise Refused(frame["refused"]["refusal"])
            self.received.append(json.loads(self._socket.recv(timeout=TIMEOUT_SECONDS)))

    def event(self, kind, text=None):
        """Waits for an event of a session, for example `event("message", "Hello")`."""

        def fits(body):
            event = body["event"]
            return kind in event and (text is None or event[kind].get("text") == text)

        return self.wait_for("event", fits)["event"]

    def events(self):
        """All events that came so far."""
        return [frame["event"]["event"] for frame in self.received if "event" in frame]

    def look_on(self, seconds):
        """Takes what comes within so many seconds."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                self.received.append(json.loads(self._socket.recv(timeout=left)))

    def close(self):
        """Closes the socket before the `with` statement ends. Ends nothing else."""
        self._socket.close()
