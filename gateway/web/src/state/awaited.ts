/** Which patrons wait for an answer, since when, and how urgent that is. */
import type { SessionEvent } from "../gen/carrel/session/v1/session_event_pb";
import { Part } from "../gen/carrel/session/v1/session_pb";
import { milliseconds } from "../time";

/** How long a patron has waited for an answer, as a word: two of them call for the librarian more and more. */
export type Wait = "short" | "long" | "too long";

const LONG = 2 * 60_000;
const TOO_LONG = 5 * 60_000;

/** What is written for the patron to read, by either side. A note is no answer: the patron never sees it. */
const TEXTS = new Set<SessionEvent["payload"]["case"]>(["opened", "message", "page"]);

/**
 * Returns since when a session's patron waits for an answer: the time of the first text of theirs since staff last
 * wrote to them. What was asked before the session was picked up waits for this librarian since then: that the queue
 * was long is not for them to answer for. `undefined` if nothing waits.
 */
export function awaitedSince(events: readonly SessionEvent[]): number | undefined {
  const answer = events.findLastIndex((event) => isText(event) && !isPatrons(event));
  const asked = events.findIndex((event, index) => index > answer && isText(event) && isPatrons(event));
  if (asked === -1) return undefined;
  const pickUp = events.findLast((event, index) => index > asked && event.payload.case === "pickedUp");
  return milliseconds((pickUp ?? events[asked])?.time);
}

/** Returns how long so many milliseconds are for somebody who waits for an answer. */
export function waitOf(ms: number): Wait {
  if (ms < LONG) return "short";
  return ms < TOO_LONG ? "long" : "too long";
}

function isText({ payload }: SessionEvent): boolean {
  return TEXTS.has(payload.case);
}

function isPatrons({ author }: SessionEvent): boolean {
  return author?.part === Part.PATRON;
}
