/** Who owned a session: its owner, and who had it before a transfer or before they were lost (D46, D49). */
import { create } from "@bufbuild/protobuf";
import type { SessionEvent } from "../gen/carrel/session/v1/session_event_pb";
import { Part, type Person, PersonSchema, type Session, SessionState } from "../gen/carrel/session/v1/session_pb";

/** Returns who owned a session as far as staff know: each librarian once, in the order in which they last owned it. */
export function ownersOf({ formerOwners, owner }: Session): Person[] {
  return owner === undefined ? formerOwners : [...formerOwners, owner];
}

/**
 * Returns who owned a session as far as its events tell: each librarian once, in the order in which they last owned it.
 * To a patron, who is told no ids, librarians of the same name are one.
 */
export function ownersIn(events: readonly SessionEvent[]): Person[] {
  const owners = new Map<string, Person>();
  for (const { author, payload } of events) {
    if (author === undefined || (payload.case !== "pickedUp" && payload.case !== "transferred")) continue;
    const key = author.librarianId || author.name;
    owners.delete(key);
    owners.set(key, author);
  }
  return [...owners.values()];
}

/** Returns who owns a session, and who owned it before, once it belongs to somebody else or to nobody. */
export function ownedBy(session: Session, owner: Person | undefined): Pick<Session, "owner" | "formerOwners"> {
  const last = session.owner;
  // A patron, who is told no ids, is not told either who is meant by the same name twice.
  const before = last?.librarianId ? [create(PersonSchema, { ...last, part: Part.COLLEAGUE })] : [];
  const formerOwners = [...session.formerOwners, ...before];
  return { owner, formerOwners: formerOwners.filter(({ librarianId }) => librarianId !== owner?.librarianId) };
}

/**
 * Whether a session ended before any librarian had it: its patron left the queue, or was lost there, so there is
 * nothing to code (R16).
 */
export function wasUnowned(session: Session): boolean {
  const { state, pickUpTime, firstPickUpTime } = session;
  const hasBegun = pickUpTime !== undefined || firstPickUpTime !== undefined || ownersOf(session).length > 0;
  return state === SessionState.ENDED && !hasBegun;
}

/**
 * Whether a librarian of another library than the patron's had a session last (D31). Their names are compared as they were
 * then: a library may have another one since.
 */
export function wasAnsweredElsewhere({ owner, institutionName }: Session): boolean {
  return owner !== undefined && owner.institutionName !== institutionName;
}
