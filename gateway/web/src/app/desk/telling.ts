/** What a librarian is told of, and how: by an alert, by a notice on the page, or by a screen reader. */

import { Status } from "../../gen/carrel/presence/v1/presence_service_pb";
import type { Refusal } from "../../gen/carrel/refusal/v1/refusal_pb";
import type { SessionEvent } from "../../gen/carrel/session/v1/session_event_pb";
import { SessionList } from "../../gen/carrel/session/v1/session_service_pb";
import { patronOf } from "../../patron_label";
import { whyRefused } from "../../refusal_words";
import { type Lists, rowsOf } from "../../state/lists";
import { nothingHappened } from "../../wire";
import { beginningOf, nameOf } from "../../words";
import { isLookedAt } from "../parts/looked_at";
import { callsFor, sessionCall } from "./alerts_calls";
import type { Desk } from "./desk";
import type { ImPlace } from "./im";
import { HEARD, newsOf } from "./news";
import { isOutcome, overtakesOffer } from "./transfer";

/** Tells what is new in the lists, and which offers are over. `before` is the lists as they were. */
export function tellOfLists(desk: Desk, before: Lists): void {
  const { status } = desk.presence;
  const takesNew = status.value !== Status.ACCEPT_NO_NEW && status.value !== Status.AWAY;
  for (const { kind, text, said } of callsFor(before, desk.lists.value)) {
    // A librarian who takes no new patrons gets no alerts for them, but still sees them.
    if (kind !== "patron" || takesNew) desk.alerts.ring(kind, text);
    desk.announcer.say(said);
  }
  tellOffersOver(desk, before);
}

/** Tells of an event in a session on the desk. */
export function tellOfEvent(desk: Desk, sessionId: string, event: SessionEvent): void {
  callToSession(desk, sessionId, event);
  const isShown = desk.isShown(sessionId);
  if (overtakesOffer(event)) desk.notices.overtake(sessionId);
  const text = newsOf(event, {
    librarianId: desk.profile.value?.librarianId,
    patron: patronOf(desk.link.sessions.value.get(sessionId)?.session, "the patron"),
    isShown,
    queueName: desk.queueName,
  });
  if (text === undefined) return;
  // If the session is shown, its banner says that it has ended.
  if (isOutcome(event)) desk.notify(text, "plain", sessionId);
  else if (event.payload.case === "ended" && !isShown) desk.notify(text);
  else desk.announcer.say(text);
}

/** Tells of a message from another librarian. */
export function tellOfIm(desk: Desk, author: string, text: string, { queueId, isShown }: ImPlace): void {
  const to = queueId === undefined ? "you" : `the staff of ${desk.queueName(queueId)}`;
  if (!isShown) desk.alerts.ring("im", `${author} has written to ${to}.`);
  desk.announcer.say(`${author} to ${to}, not to a patron: ${isShown ? text : beginningOf(text, HEARD)}`);
}

/** Tells that a message to another librarian was refused. `name` is whom it was to. */
export function tellOfRefusedIm(desk: Desk, name: string, refusal: Refusal): void {
  const fate = nothingHappened(refusal) ? "was not sent" : "may not have been sent";
  desk.notify(`Your message to ${name} ${fate}. ${whyRefused(refusal)}`, "bad");
}

/** Says which offers are over: an offer that the user was about to answer must not vanish without explanation. */
function tellOffersOver(desk: Desk, before: Lists): void {
  const mine = new Set(rowsOf(desk.lists.value, SessionList.MY_ACTIVE).map((row) => row.sessionId));
  for (const row of desk.transfers.over(before)) {
    // The user accepted it on another monitor.
    if (mine.has(row.sessionId)) continue;
    const text = `${nameOf(row.transferOffer?.from)}'s offer of ${patronOf(row, "a patron")} is over.`;
    // An offer to a queue usually goes to somebody else, so this is announced to screen readers only.
    if (row.transferOffer?.to.case === "librarian") desk.notify(text);
    else desk.announcer.say(text);
  }
}

/** Alerts the user to what others do in a session, unless they are looking at it. */
function callToSession(desk: Desk, sessionId: string, event: SessionEvent): void {
  if (desk.isOwn(event) || (desk.isShown(sessionId) && isLookedAt())) return;
  const text = sessionCall(event, desk.link.sessions.value.get(sessionId)?.session?.institutionName ?? "");
  if (text !== undefined) desk.alerts.ring("message", text);
}
