/** What a session's events and facts say about its transfer (R15). */
import type { SessionEvent } from "../gen/carrel/session/v1/session_event_pb";
import { Part, SessionState, type TransferOffer } from "../gen/carrel/session/v1/session_pb";
import { milliseconds } from "../time";
import type { SessionView } from "./session";

/**
 * The reasons with which a former owner's attendance ends; the second is for an owner who may enter as a supervisor.
 */
const NOT_THEIRS = new Set(["NO_LONGER_OWNER", "NOT_INSIDE"]);

/** Returns the offer with an id, as it was made in one of these events. */
export function offerIn(events: readonly SessionEvent[], offerId: string): TransferOffer | undefined {
  for (const { payload } of events) {
    if (payload.case === "transferOffered" && payload.value.offer?.offerId === offerId) return payload.value.offer;
  }
  return undefined;
}

/**
 * Whether the user may offer the session to others: only as the owner of an active one, never in conference mode (R6).
 */
export function mayOffer(view: SessionView | undefined): boolean {
  return view?.part === Part.OWNER && view.wanted && view.session?.state === SessionState.ACTIVE;
}

/**
 * Whether the session was the user's and another librarian has accepted it.
 *
 * If the user was away and missed the event, an offer that was open together with another owner shows the same. With
 * neither, the session was lost in another way.
 */
export function isHandedOver(view: SessionView): boolean {
  const { refusal, session } = view;
  if (view.wanted || view.part !== Part.OWNER || session === undefined) return false;
  if (!NOT_THEIRS.has(refusal?.reason ?? "")) return false;
  // The user owned it when they joined, so any transfer after that was to somebody else.
  const wasTransferred = view.events.slice(view.told).some((event) => event.payload.case === "transferred");
  return wasTransferred || (session.transferOffer !== undefined && refusal?.metadata.owner !== undefined);
}

/** Returns the name of the new owner of a session that was handed over, or an empty string if it is not known. */
export function newOwnerOf(view: SessionView): string {
  return view.refusal?.metadata.owner || view.session?.owner?.name || "";
}

/**
 * Returns for how many seconds from `now` an offer can still be accepted. Never below 0, and never more than it was
 * made for, since the server's clock is known here only to within a second or two.
 */
export function secondsLeft(offer: TransferOffer | undefined, now: number): number {
  const lapsesAt = milliseconds(offer?.lapseTime);
  if (lapsesAt === undefined) return 0;
  const madeFor = lapsesAt - (milliseconds(offer?.time) ?? now);
  return Math.max(0, Math.ceil(Math.min(lapsesAt - now, madeFor) / 1_000));
}
