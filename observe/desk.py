"""A small desk that is never quiet: patrons ask, librarians answer, a supervisor looks in, until they are stopped.

Usage: desk.py [--pause SECONDS] [--rounds NUMBER] GATEWAY GATEWAY

Everybody in a conversation is connected to another gateway than those they talk with, so that each message crosses
processes. The people are those of the demo directory.
"""

import argparse
import concurrent.futures
import contextlib
import functools
import itertools
import sys
import time
import uuid

from carrel_socket import CarrelSocket, HttpRefusal, Refused, http
from websockets.exceptions import WebSocketException

# The errors that people meet when a process is killed, on purpose or not.
TROUBLE = (OSError, WebSocketException, HttpRefusal, Refused)

# Tokens are cached for one shift, which is shorter than the ten minutes for which a token is valid.
SHIFT_SECONDS = 300

QUESTIONS = [
    ("Ricky", "Where do I find old maps of Sugar Creek?"),
    ("June", "Which of your books on bees are for children?"),
    ("", "Can I read the county paper of 1931 at home?"),
]


@functools.lru_cache(maxsize=32)
def logged_in(gateway, log_in_name, _shift):
    """The token of a librarian. Nobody may log in as often as these conversations begin, so each does once a shift."""
    answer = http(gateway, "/v1/log-in", {"logInName": log_in_name, "password": "demo"})
    return answer["token"]["accessToken"]


def token_of(gateway, log_in_name):
    """A token that is good for longer than a conversation takes."""
    return logged_in(gateway, log_in_name, time.monotonic() // SHIFT_SECONDS)


class Staff:
    """A librarian at a gateway, with a monitor open."""

    def __init__(self, stage, gateway, log_in_name, queues):
        self.socket = stage.enter_context(CarrelSocket(gateway, token_of(gateway, log_in_name)))
        self.socket.send({
            "announce": {"monitorId": str(uuid.uuid4()), "status": "STATUS_AVAILABLE", "queues": {"queueIds": queues}}
        })
        self.socket.wait_for("ownPresence")
        self.socket.send({"watch": {"queueIds": queues}})
        self.socket.send({"watchDesk": {}})
        self.socket.send({"watchConversations": {}})

    def offer(self, session_id):
        """The offer of a session, as soon as the lists show it."""

        def offered(row):
            return row.get("sessionId") == session_id and "transferOffer" in row

        row = self.socket.wait_for("lists", lambda lists: offered(lists.get("changed", {})))["changed"]
        return row["transferOffer"]["offerId"]


class Patron:
    """A patron at a gateway, who has asked and waits."""

    def __init__(self, stage, gateway, library, name, question):
        answer = http(gateway, "/v1/admit", {"institutionId": library})
        self._stage, self._token, self.session_id = stage, answer["token"]["accessToken"], answer["sessionId"]
        self.socket = stage.enter_context(CarrelSocket(gateway, self._token))
        self.socket.act(self.session_id, openSession={"question": question, "patronName": name})
        self._head = self.socket.attend(self.session_id)["head"]

    def lose_connection(self):
        """Is away from now on. Says what they have."""
        last = self.socket.events()[-1]["position"]
        self.socket.close()
        return {"epoch": self._head["epoch"], "number": last}

    def come_back(self, gateway, after):
        """Goes on from what they have, at a gateway that may be another."""
        self.socket = self._stage.enter_context(CarrelSocket(gateway, self._token))
        self.socket.attend(self.session_id, after=after)


def supervised(gateways, pause, name, question):
    """A patron of Maple with Ms Map, whom Mr Lee relieves while an administrator looks in."""
    here, there = gateways
    with contextlib.ExitStack() as stage:
        patron = Patron(stage, here, "maple", name, question)
        session_id = patron.session_id
        patron.socket.look_on(2 * pause)
        ms_map = Staff(stage, there, "map@harbor", ["maple", "harbor"])
        mr_lee = Staff(stage, here, "lee@maple", ["maple"])
        people = [patron, ms_map, mr_lee]
        ms_map.socket.act(session_id, pickUp={})
        ms_map.socket.attend(session_id)
        # Both librarians try to pick the patron up, and the second is too late.
        with contextlib.suppress(Refused):
            mr_lee.socket.act(session_id, pickUp={})
        talk(people, pause, patron, ms_map, ["Hello! I am reading your question.", "Take your time.", "Here is a page."])
        ms_map.socket.act(session_id, pushPage={"address": "https://www.loc.gov/maps/"})
        patron.socket.event("page")

        admin = Staff(stage, here, "admin@maple", ["backup"])
        people.append(admin)
        version = admin.socket.welcome["profile"]["conferenceWarning"]["version"]
        admin.socket.act(session_id, enterConference={"warningVersion": version})
        admin.socket.attend(session_id)
        admin.socket.act(session_id, writeNote={"text": "Try the county atlas of 1888."})
        ms_map.socket.event("note")
        look_on(people, pause)
        admin.socket.act(session_id, leaveConference={})

        # The patron loses the connection for a moment, and then receives what was written meanwhile.
        last = patron.lose_connection()
        ms_map.socket.act(session_id, postMessage={"text": "The atlas of 1888 has it."})
        patron.come_back(there, last)
        patron.socket.event("message", "The atlas of 1888 has it.")

        ms_map.socket.send({
            "imSend": {"commandId": str(uuid.uuid4()), "queueId": "maple", "text": "Could somebody go on for me?"}
        })
        ms_map.socket.wait_for("imSent")
        ms_map.socket.act(session_id, offerTransfer={"queueId": "maple"})
        mr_lee.socket.act(session_id, acceptTransfer={"offerId": mr_lee.offer(session_id)})
        mr_lee.socket.attend(session_id)
        talk(people, pause, patron, mr_lee, ["I go on for Ms Map.", "Is there anything else?"])
        mr_lee.socket.act(session_id, endSession={})
        patron.socket.event("ended")
        look_on(people, pause)


def alone(gateways, pause, name, question):
    """A patron of Harbor, for whom nobody is there at first, and then one librarian."""
    here, there = gateways
    with contextlib.ExitStack() as stage:
        patron = Patron(stage, there, "harbor", name, question)
        patron.socket.look_on(5 * pause)
        librarian = Staff(stage, here, "ask@maple", ["harbor"])
        librarian.socket.act(patron.session_id, pickUp={})
        librarian.socket.attend(patron.session_id)
        lines = ["Hello!", "Let me look.", "They are on the second floor.", "You are welcome."]
        talk([patron, librarian], pause, patron, librarian, lines)
        patron.socket.act(patron.session_id, endSession={})
        librarian.socket.event("ended")


def talk(people, pause, patron, librarian, lines):
    """The librarian says each line, and the patron answers it."""
    for line in lines:
        librarian.socket.act(patron.session_id, postMessage={"text": line})
        patron.socket.event("message", line)
        look_on(people, pause)
        patron.socket.act(patron.session_id, postMessage={"text": f"Thank you. ({line})"})
        librarian.socket.event("message", f"Thank you. ({line})")
        look_on(people, pause)


def look_on(people, pause):
    """All read what comes while nobody does anything, for a pause that they share."""
    for person in people:
        person.socket.look_on(pause / len(people))


def keep_on(conversation, gateways, pause, rounds):
    """Has one conversation after the other. What goes wrong is told, and the next one begins."""
    for number in itertools.islice(itertools.count(), rounds):
        try:
            conversation(gateways, pause, *QUESTIONS[number % len(QUESTIONS)])
        except TROUBLE as trouble:
            if rounds is not None:
                raise
            print(f"a conversation broke off: {trouble}", file=sys.stderr, flush=True)
            time.sleep(1)


def main():
    parser = argparse.ArgumentParser(description="A small desk that is never quiet.")
    parser.add_argument("gateways", nargs=2, metavar="GATEWAY", help="host and port of a gateway")
    parser.add_argument("--pause", type=float, default=1.0, help="how long people think, in seconds")
    parser.add_argument("--rounds", type=int, help="how many conversations each has; without it, until stopped")
    options = parser.parse_args()
    with concurrent.futures.ThreadPoolExecutor() as threads:
        conversations = [
            threads.submit(keep_on, conversation, options.gateways, options.pause, options.rounds)
            for conversation in [supervised, alone]
        ]
        for ended in concurrent.futures.as_completed(conversations):
            ended.result()


if __name__ == "__main__":
    main()
