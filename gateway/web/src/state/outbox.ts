/**
 * What the user has sent, until the picture shows it.
 *
 * Each thing is sent with a command id of its own, and again with the same id until the gateway says what became of
 * it, so that it happens once, however often the connection breaks.
 */
import type { Refusal } from "../gen/carrel/refusal/v1/refusal_pb";
import { StatusCode } from "../status_code";
import { mayLast, nothingHappened } from "../wire";

/** Something that the user has sent. */
export interface Outgoing<Deed> {
  /** Names the command. Stays the same however often it is sent. */
  commandId: string;
  deed: Deed;
  /** `sent` is committed; it leaves the outbox as soon as the picture shows it. */
  status: "sending" | "sent" | "failed";
  /** Its position, once it is committed. */
  position: number;
  /** The last position that was there when the user sent it: its own comes after this. */
  after: number;
  /** When the user sent it. */
  since: number;
  /** When to send it, if it waits. Not before all that came before it. */
  resendAt: number | undefined;
  attempts: number;
  /** How often it was refused in a way that may last. From the first time on it goes alone. */
  doubts: number;
  /** Why it failed. Whether it was done all the same is open, unless this says that nothing happened. */
  refusal: Refusal | undefined;
}

/** What was sent, in order. */
export type Outbox<Deed> = readonly Outgoing<Deed>[];

/** The outbox after a step, and what of it is to be sent now. */
export type OutboxStep<Deed> = [Outbox<Deed>, Outbox<Deed>];

const RESEND_FIRST = 1_000;
const RESEND_LONGEST = 15_000;
/** After how many refusals that may last something is the user's to decide. */
const MOST_DOUBTS = 3;

/** The user sends something. `after` is the last position that is there, `room` how much may be under way at once. */
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

/** Something was committed at a position. `there` is whether the picture shows it already. */
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

/** The picture shows what is at a position. */
export function shown<Deed>(outbox: Outbox<Deed>, position: number): Outbox<Deed> {
  const left = outbox.filter((out) => out.status !== "sent" || out.position !== position);
  return left.length === outbox.length ? outbox : left;
}

/**
 * Something was refused: it failed, or is sent again after a while when nobody knows, or when it was only too much.
 *
 * What nobody knows even after several tries fails, too: whether to go on trying is for the user to say, and what was sent
 * after it does not wait for that.
 */
export function refuse<Deed>(outbox: Outbox<Deed>, commandId: string, refusal: Refusal, now: number): Outbox<Deed> {
  const waits =
    !nothingHappened(refusal) || (refusal.code === StatusCode.RESOURCE_EXHAUSTED && refusal.retryAfterMs > 0);
  // What stands behind something of unknown outcome gets the refusal of that, which says nothing of itself.
  const isItsOwn = outbox.find(isUnanswered)?.commandId === commandId;
  return outbox.map((out) => {
    if (out.commandId !== commandId || out.status !== "sending") return out;
    const doubts = isItsOwn && mayLast(refusal) ? out.doubts + 1 : out.doubts;
    if (!waits || doubts >= MOST_DOUBTS) return { ...out, status: "failed", refusal, resendAt: undefined, doubts };
    const pause = refusal.retryAfterMs || Math.min(RESEND_LONGEST, RESEND_FIRST * 2 ** out.attempts);
    return { ...out, resendAt: now + pause, doubts };
  });
}

/** The user wants to try again what has failed. */
export function retry<Deed>(
  outbox: Outbox<Deed>,
  commandId: string,
  now: number,
  room = Number.POSITIVE_INFINITY,
): OutboxStep<Deed> {
  const failed = outbox.find((out) => out.commandId === commandId && out.status === "failed");
  if (failed === undefined) return [outbox, []];
  // Who has been told that it is in doubt is told so at once if it still is.
  const doubts = failed.doubts > 0 ? MOST_DOUBTS - 1 : 0;
  const again = { status: "sending", refusal: undefined, since: now, resendAt: now, attempts: 0, doubts } as const;
  return due(
    outbox.map((out) => (out === failed ? { ...failed, ...again } : out)),
    now,
    room,
  );
}

/** The user gives something up. */
export function discard<Deed>(outbox: Outbox<Deed>, commandId: string): Outbox<Deed> {
  return outbox.filter((out) => out.commandId !== commandId);
}

/** The connection is new, or the session is attended anew: what is unanswered goes again. */
export function resend<Deed>(outbox: Outbox<Deed>, room = Number.POSITIVE_INFINITY): OutboxStep<Deed> {
  const all = outbox.map((out) => (out.status === "sending" ? { ...out, resendAt: 0 } : out));
  return due(all, 0, room);
}

/** What was committed to a history that is gone may be gone too. Its command id makes it safe to say it again. */
export function restart<Deed>(outbox: Outbox<Deed>, room = Number.POSITIVE_INFINITY): OutboxStep<Deed> {
  const unsaid = outbox.map(
    (out): Outgoing<Deed> =>
      out.status === "sent" ? { ...out, status: "sending", position: 0, after: 0 } : { ...out, after: 0 },
  );
  return resend(unsaid, room);
}

/**
 * What has waited long enough goes, in order, and no more than there is room for.
 *
 * Nothing overtakes what waits: what came after it waits too, and what was sent after it is sent again behind it. What may
 * never be taken goes alone, so that each answer is about itself, and what comes after it waits for that answer.
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
