/**
 * What the user has sent, until the view shows it.
 *
 * Each item is sent with a command id of its own, and resent with the same id until the gateway reports its outcome, so
 * that it takes effect once, however often the connection breaks.
 */
import type { Refusal } from "../gen/carrel/refusal/v1/refusal_pb";
import { StatusCode } from "../status_code";
import { mayLast, nothingHappened } from "../wire";

/** Something that the user has sent. */
export interface Outgoing<Deed> {
  /** The command's id, the same however often it is sent. */
  commandId: string;
  deed: Deed;
  /** `sent` means committed; the item leaves the outbox as soon as the view shows it. */
  status: "sending" | "sent" | "failed";
  /** Its position, once it is committed. */
  position: number;
  /** The last position known when the user sent it: its own position comes after this. */
  after: number;
  /** When the user sent it. */
  since: number;
  /** When to send it, if it is waiting. It is never sent before earlier items that wait. */
  resendAt: number | undefined;
  attempts: number;
  /** How often it was refused with a cause that may last. After the first time it is sent alone. */
  doubts: number;
  /** Why it failed. Unless this says that nothing happened, it may have been done all the same. */
  refusal: Refusal | undefined;
}

/** The items sent, in order. */
export type Outbox<Deed> = readonly Outgoing<Deed>[];

/** The outbox after a step, and the items of it to send now. */
export type OutboxStep<Deed> = [Outbox<Deed>, Outbox<Deed>];

const RESEND_FIRST = 1_000;
const RESEND_LONGEST = 15_000;
/** After how many refusals with a cause that may last an item fails, so that the user decides about it. */
const MOST_DOUBTS = 3;

/**
 * Adds an item that the user sends. `after` is the last position known, `room` how many items may be in flight at once.
 */
export function post<Deed>(
  outbox: Outbox<Deed>,
  commandId: string,
  deed: Deed,
  after: number,
  now: number,
  room = Number.POSITIVE_INFINITY,
): OutboxStep<Deed> {
  const out: Outgoing<Deed> = {
    commandId,
    deed,
    status: "sending",
    position: 0,
    after,
    since: now,
    resendAt: now,
    attempts: 0,
    doubts: 0,
    refusal: undefined,
  };
  return due([...outbox, out], now, room);
}

/** Notes that an item was committed at a position. `there` is whether the view already shows it. */
export function committed<Deed>(
  outbox: Outbox<Deed>,
  commandId: string,
  position: number,
  there: boolean,
): Outbox<Deed> {
  if (there) return discard(outbox, commandId);
  return outbox.map((out) =>
    out.commandId === commandId ? { ...out, status: "sent", position, resendAt: undefined } : out,
  );
}

/** Notes that the view shows a position. */
export function shown<Deed>(outbox: Outbox<Deed>, position: number): Outbox<Deed> {
  const left = outbox.filter((out) => out.status !== "sent" || out.position !== position);
  return left.length === outbox.length ? outbox : left;
}

/**
 * Notes that an item was refused: it fails, or is resent after a while if its outcome is unknown or there were only too
 * many requests at once.
 *
 * If the outcome is still unknown after several tries, it fails too: the user decides whether to go on trying, and what
 * was sent after it does not wait for that.
 */
export function refuse<Deed>(outbox: Outbox<Deed>, commandId: string, refusal: Refusal, now: number): Outbox<Deed> {
  const waits =
    !nothingHappened(refusal) || (refusal.code === StatusCode.RESOURCE_EXHAUSTED && refusal.retryAfterMs > 0);
  // An item behind one of unknown outcome gets the refusal of that one, which says nothing about itself.
  const isItsOwn = outbox.find(isUnanswered)?.commandId === commandId;
  return outbox.map((out) => {
    if (out.commandId !== commandId || out.status !== "sending") return out;
    const doubts = isItsOwn && mayLast(refusal) ? out.doubts + 1 : out.doubts;
    if (!waits || doubts >= MOST_DOUBTS) return { ...out, status: "failed", refusal, resendAt: undefined, doubts };
    const pause = refusal.retryAfterMs || Math.min(RESEND_LONGEST, RESEND_FIRST * 2 ** out.attempts);
    return { ...out, resendAt: now + pause, doubts };
  });
}

/** Retries a failed item. */
export function retry<Deed>(
  outbox: Outbox<Deed>,
  commandId: string,
  now: number,
  room = Number.POSITIVE_INFINITY,
): OutboxStep<Deed> {
  const failed = outbox.find((out) => out.commandId === commandId && out.status === "failed");
  if (failed === undefined) return [outbox, []];
  // A user who was told that the outcome is in doubt is told so at once if it still is.
  const doubts = failed.doubts > 0 ? MOST_DOUBTS - 1 : 0;
  const again = { status: "sending", refusal: undefined, since: now, resendAt: now, attempts: 0, doubts } as const;
  return due(
    outbox.map((out) => (out === failed ? { ...failed, ...again } : out)),
    now,
    room,
  );
}

/** Removes an item that the user gives up. */
export function discard<Deed>(outbox: Outbox<Deed>, commandId: string): Outbox<Deed> {
  return outbox.filter((out) => out.commandId !== commandId);
}

/** Resends what is unanswered, on a new connection or when the session is attended again. */
export function resend<Deed>(outbox: Outbox<Deed>, room = Number.POSITIVE_INFINITY): OutboxStep<Deed> {
  const all = outbox.map((out) => (out.status === "sending" ? { ...out, resendAt: 0 } : out));
  return due(all, 0, room);
}

/**
 * Resends after the history was replaced, what was committed too: it may be lost, and its command id makes this safe.
 */
export function restart<Deed>(outbox: Outbox<Deed>, room = Number.POSITIVE_INFINITY): OutboxStep<Deed> {
  const unsaid = outbox.map(
    (out): Outgoing<Deed> =>
      out.status === "sent" ? { ...out, status: "sending", position: 0, after: 0 } : { ...out, after: 0 },
  );
  return resend(unsaid, room);
}

/**
 * Returns the items that have waited long enough, in order, and no more than there is room for.
 *
 * Nothing overtakes a waiting item: later ones wait too, and those sent after it are resent behind it. An item that may
 * never be accepted is sent alone, so that each answer is about itself; later items wait for that answer.
 */
export function due<Deed>(outbox: Outbox<Deed>, now: number, room = Number.POSITIVE_INFINITY): OutboxStep<Deed> {
  const first = outbox.findIndex((out) => out.status === "sending" && out.resendAt !== undefined);
  if (first < 0 || now < (outbox[first]?.resendAt ?? 0)) return [outbox, []];
  const before = outbox.slice(0, first).filter(isUnanswered);
  if (before.some(isDoubtful)) return [outbox, []];
  const waiting = outbox.slice(first).filter(isUnanswered);
  const doubtful = waiting.findIndex(isDoubtful);
  const free = Math.max(0, room - before.length);
  const going = waiting
    .slice(0, doubtful < 0 ? free : Math.min(free, Math.max(1, doubtful)))
    .map((out): Outgoing<Deed> => ({ ...out, resendAt: undefined, attempts: out.attempts + 1 }));
  const byId = new Map(going.map((out) => [out.commandId, out]));
  return [outbox.map((out) => byId.get(out.commandId) ?? out), going];
}

function isUnanswered({ status }: Outgoing<unknown>): boolean {
  return status === "sending";
}

function isDoubtful({ doubts }: Outgoing<unknown>): boolean {
  return doubts > 0;
}
