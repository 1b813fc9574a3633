/** Who is typing. Nothing is stored: each sign of typing expires by itself. */
import type { SomebodyTyping } from "../gen/carrel/gateway/v1/frames_pb";
import type { SessionEvent } from "../gen/carrel/session/v1/session_event_pb";
import type { Audience, Person } from "../gen/carrel/session/v1/session_pb";

/** Somebody who is typing. */
export interface Typist {
  sessionId: string;
  author: Person;
  box: Audience;
  until: number;
}

const SHOWN = 6_000;

/** Returns the typists after a sign of typing. */
export function noteTyping(typists: readonly Typist[], sign: SomebodyTyping, now: number): readonly Typist[] {
  const { sessionId, typing } = sign;
  if (typing?.author === undefined) return typists;
  const typist: Typist = { sessionId, author: typing.author, box: typing.box, until: now + SHOWN };
  return [...typists.filter((other) => !isSame(other, sessionId, typist.author)), typist];
}

/**
 * Returns the typists after an event: its author has stopped typing, and after the end of the session everybody has.
 */
export function stopTyping(typists: readonly Typist[], sessionId: string, event: SessionEvent): readonly Typist[] {
  const { author, payload } = event;
  const hasStopped = (typist: Typist) =>
    payload.case === "ended"
      ? typist.sessionId === sessionId
      : author !== undefined && isSame(typist, sessionId, author);
  const others = typists.filter((typist) => !hasStopped(typist));
  return others.length === typists.length ? typists : others;
}

/** Removes the typists whose last sign of typing has expired. */
export function expireTyping(typists: readonly Typist[], now: number): readonly Typist[] {
  const typing = typists.filter((typist) => now < typist.until);
  return typing.length === typists.length ? typists : typing;
}

function isSame(typist: Typist, sessionId: string, author: Person): boolean {
  return (
    typist.sessionId === sessionId &&
    typist.author.part === author.part &&
    typist.author.librarianId === author.librarianId &&
    typist.author.name === author.name
  );
}
