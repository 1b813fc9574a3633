/**
 * One session as this page knows it: the events of its log in order, and what the user has sent that is not in them
 * yet.
 *
 * The view is a fold over events and nothing else. Events are applied by position: a repeat changes nothing, and a gap
 * is filled by attending again from the last position. What the user sends is shown at once, and resent with the same
 * command id until the gateway reports the outcome, so that it takes effect once, however often the connection breaks.
 */
import { clone, create } from "@bufbuild/protobuf";
import type { ClientFrame } from "../gen/carrel/gateway/v1/frames_pb";
import type { Refusal } from "../gen/carrel/refusal/v1/refusal_pb";
import { type SessionEvent, SessionEventSchema } from "../gen/carrel/session/v1/session_event_pb";
import {
  type Audience,
  Part,
  PatronConnection,
  type Person,
  type Session,
  SessionSchema,
  SessionState,
} from "../gen/carrel/session/v1/session_pb";
import type { Joined } from "../gen/carrel/session/v1/session_service_pb";
import { actFrame, clientFrame, type Deed, mayLast, mayPass, nothingHappened } from "../wire";
import * as outbox from "./outbox";
import { ownedBy } from "./owners";

/** Something that the user has sent. */
export type Outgoing = outbox.Outgoing<Deed>;

/** One session. */
export interface SessionView {
  readonly sessionId: string;
  /** The session's facts. Absent until the page takes part. */
  session: Session | undefined;
  audience: Audience | undefined;
  part: Part;
  epoch: string;
  /** Events 1, 2, 3 … without gaps. Of erased events only the positions are left. */
  events: readonly SessionEvent[];
  /** The position up to which events are history, not news. */
  history: number;
  /** The position up to which `session` already reflects the events. */
  told: number;
  /** The position up to which the user has seen the events. */
  seen: number;
  outgoing: readonly Outgoing[];
  /** Whether the page wants to take part. */
  wanted: boolean;
  attendance: "off" | "asked" | "on";
  /** When to attend again after the gateway ended the attendance. */
  attendAt: number | undefined;
  /** Why the page may not take part. */
  refusal: Refusal | undefined;
  /** Why attending fails, if the cause may last. The page goes on trying. */
  trouble: Refusal | undefined;
  /** For a waiting patron: how many are ahead. */
  ahead: number | undefined;
}

/** An input to a session. */
export type SessionInput =
  | { kind: "attend" }
  | { kind: "attending"; joined: Joined }
  | { kind: "event"; event: SessionEvent }
  | { kind: "accepted"; commandId: string; position: number }
  | { kind: "refused"; commandId: string; refusal: Refusal }
  | { kind: "head"; number: number }
  | { kind: "waiting"; ahead: number }
  | { kind: "detached"; refusal: Refusal | undefined }
  /** The user sends an act. */
  | { kind: "send"; commandId: string; deed: Deed }
  /** The user retries an act that failed. */
  | { kind: "retry"; commandId: string }
  /** The user gives up an act that failed. */
  | { kind: "discard"; commandId: string }
  /** The user has looked at everything. */
  | { kind: "seen" }
  /** There is a new connection. */
  | { kind: "connected" }
  | { kind: "disconnected" }
  | { kind: "tick" };

/** A session after a change, and the frames that the change asks for. */
export type SessionStep = [SessionView, ClientFrame[]];

const ATTEND_PAUSE = 1_000;
/** The pause after a refusal whose cause may last. */
const LONG_ATTEND_PAUSE = 15_000;

/** Returns a session about which nothing is known yet. */
export function unknownSession(sessionId: string, seen = 0): SessionView {
  return {
    sessionId,
    session: undefined,
    audience: undefined,
    part: Part.UNSPECIFIED,
    epoch: "",
    events: [],
    history: 0,
    told: 0,
    seen,
    outgoing: [],
    wanted: false,
    attendance: "off",
    attendAt: undefined,
    refusal: undefined,
    trouble: undefined,
    ahead: undefined,
  };
}

/** Returns the session after an input, and the frames to send. A frame that cannot be sent now is sent again later. */
export function reduceSession(view: SessionView, input: SessionInput, now: number): SessionStep {
  switch (input.kind) {
    case "attend":
      return attend({ ...view, wanted: true, refusal: undefined });
    case "attending":
      return attending(view, input.joined);
    case "event":
      return received(view, input.event);
    case "accepted":
      return accepted(view, input.commandId, input.position);
    case "refused":
      return [{ ...view, outgoing: outbox.refuse(view.outgoing, input.commandId, input.refusal, now) }, []];
    case "head":
      return view.attendance === "on" && input.number > view.events.length ? attend(view) : [view, []];
    case "waiting":
      return [{ ...view, ahead: input.ahead }, []];
    case "detached":
      return [detached(view, input.refusal, now), []];
    case "send":
      return posted(view, outbox.post(view.outgoing, input.commandId, input.deed, view.events.length, now));
    case "retry":
      return posted(view, outbox.retry(view.outgoing, input.commandId, now));
    case "discard":
      return [{ ...view, outgoing: outbox.discard(view.outgoing, input.commandId) }, []];
    case "seen":
      return [view.seen === view.events.length ? view : { ...view, seen: view.events.length }, []];
    case "connected":
      return connected(view);
    case "disconnected":
      return [view.attendance === "off" ? view : { ...view, attendance: "off" }, []];
    case "tick":
      return tick(view, now);
  }
}

/** Events in which nobody says anything: they are shown in the session, but do not count as unread. */
const UNSPOKEN = new Set<SessionEvent["payload"]["case"]>([
  "escalated",
  "patronConnection",
  "resolutionSet",
  "identityErased",
]);

/** Returns how many events the user has not seen, not counting their own and those in which nobody says anything. */
export function unread(view: Pick<SessionView, "events" | "seen">, isOwn: (event: SessionEvent) => boolean): number {
  return view.events.slice(view.seen).filter((event) => !isOwn(event) && !UNSPOKEN.has(event.payload.case)).length;
}

/**
 * Whether an event is a note that somebody typed: one from the Notes box, or the words that go with an offer or with
 * its answer (R14). An offer that comes or goes without words is told in a line for staff, which nobody could answer.
 */
export function isNote({ payload }: SessionEvent): boolean {
  switch (payload.case) {
    case "note":
      return true;
    case "transferOffered":
      return (payload.value.offer?.message ?? "") !== "";
    case "transferClosed":
      return payload.value.reason !== "";
    default:
      return false;
  }
}

/** Whether an act of this kind was sent in a session and has not been answered yet. */
export function isOnItsWay(view: SessionView | undefined, what: Deed["case"]): boolean {
  return view?.outgoing.some((out) => out.deed.case === what && out.status === "sending") ?? false;
}

/** Whether a refused act is over: it certainly did not happen, or it failed with its outcome unknown. */
export function isOver(view: SessionView | undefined, commandId: string, refusal: Refusal): boolean {
  const out = view?.outgoing.find((outgoing) => outgoing.commandId === commandId);
  return nothingHappened(refusal) || out?.status === "failed";
}

/**
 * A librarian who declines an offer was never in the session, nor need one who sets the resolution or the codes have
 * been.
 */
const BY_ANYBODY = new Set<SessionEvent["payload"]["case"]>(["transferClosed", "resolutionSet", "descriptiveCodesSet"]);

/** The colleagues who have shown themselves in a session and have not left it. */
export function colleaguesIn(view: SessionView): Person[] {
  const colleagues = new Map<string, Person>();
  for (const { author, payload } of view.events) {
    if (author === undefined || BY_ANYBODY.has(payload.case)) continue;
    const key = author.librarianId || author.name;
    // A colleague who takes the patron over becomes the owner.
    if (payload.case === "colleagueLeft" || author.part === Part.OWNER) colleagues.delete(key);
    else if (author.part === Part.COLLEAGUE) colleagues.set(key, author);
  }
  return [...colleagues.values()];
}

function attend(view: SessionView): SessionStep {
  const after = view.epoch === "" ? {} : { after: { epoch: view.epoch, number: BigInt(view.events.length) } };
  const frame = clientFrame({ case: "attend", value: { sessionId: view.sessionId, ...after } });
  // An unanswered act may have been refused along with the act that broke the order. It is resent before newer ones.
  const [next, again] = posted(view, outbox.resend(view.outgoing));
  return [{ ...next, attendance: "asked", attendAt: undefined }, [frame, ...again]];
}

function attending(view: SessionView, joined: Joined): SessionStep {
  const head = Number(joined.head?.number ?? 0n);
  const events = withoutErased(joined.resync ? [] : view.events, Number(joined.erasedUpTo));
  const [outgoing, again] = joined.resync ? outbox.restart(view.outgoing) : [view.outgoing, []];
  return [
    {
      ...view,
      session: joined.session,
      audience: joined.audience,
      part: joined.part,
      epoch: joined.head?.epoch ?? view.epoch,
      events,
      history: view.session === undefined || joined.resync ? head : view.history,
      told: head,
      seen: joined.resync ? head : view.seen,
      outgoing,
      attendance: "on",
      attendAt: undefined,
      refusal: undefined,
      trouble: undefined,
    },
    again.map((out) => frameOf(view, out)),
  ];
}

function received(view: SessionView, event: SessionEvent): SessionStep {
  const position = Number(event.position);
  if (position <= view.events.length) return [view, []];
  if (position > view.events.length + 1) return view.attendance === "on" ? attend(view) : [view, []];
  const before = beforeErasure(view.events, event);
  return [
    {
      ...view,
      events: [...before, event],
      session: position > view.told ? view.session && factsAfter(view.session, event) : view.session,
      outgoing: outbox.shown(view.outgoing, position),
    },
    [],
  ];
}

/** Returns the events that came before one, as they are after it: without what it says was erased (R20). */
function beforeErasure(events: readonly SessionEvent[], { position, payload }: SessionEvent): readonly SessionEvent[] {
  switch (payload.case) {
    case "erased":
      return withoutErased(events, Number(position) - 1);
    case "identityErased":
      return events.map(withoutIdentity);
    default:
      return events;
  }
}

/** Returns an event without its author's name, if that is the patron. */
export function withoutIdentity(event: SessionEvent): SessionEvent {
  if (event.author?.part !== Part.PATRON || event.author.name === "") return event;
  const next = clone(SessionEventSchema, event);
  if (next.author) next.author.name = "";
  return next;
}

/**
 * Returns the events with only the positions of those up to `upTo`, some of which the page may never have had (R20).
 */
function withoutErased(events: readonly SessionEvent[], upTo: number): readonly SessionEvent[] {
  if (upTo === 0) return events;
  const erased = Array.from({ length: upTo }, (_, index) =>
    create(SessionEventSchema, { position: BigInt(index + 1) }),
  );
  return [...erased, ...events.slice(upTo)];
}

/** Returns whether an event was erased, so that there is nothing to show of it. */
export function isErased(event: SessionEvent): boolean {
  return event.time === undefined && event.payload.case === undefined;
}

/** Returns a session's facts after an event. */
function factsAfter(session: Session, event: SessionEvent): Session {
  const { author, payload } = event;
  switch (payload.case) {
    case "pickedUp":
      return changed(session, { state: SessionState.ACTIVE, pickUpTime: event.time, ...ownedBy(session, author) });
    case "transferOffered":
      return changed(session, { transferOffer: payload.value.offer });
    case "transferClosed":
      if (session.transferOffer?.offerId !== payload.value.offerId) return session;
      return changed(session, { transferOffer: undefined });
    case "transferred":
      return changed(session, { ...ownedBy(session, author), transferOffer: undefined });
    case "escalated":
      return changed(session, { queueIds: [...session.queueIds, payload.value.queueId] });
    case "patronConnection":
      return changed(session, { patronConnection: payload.value.connection });
    case "returned":
      return changed(session, {
        state: SessionState.WAITING,
        pickUpTime: undefined,
        ...ownedBy(session, undefined),
        transferOffer: undefined,
      });
    case "ended":
      return changed(session, {
        state: SessionState.ENDED,
        endTime: event.time,
        endedBy: author?.part ?? Part.UNSPECIFIED,
        endReason: payload.value.reason,
        patronConnection: PatronConnection.UNSPECIFIED,
        transferOffer: undefined,
      });
    case "resolutionSet":
      return changed(session, { resolution: payload.value.resolution, resolutionBy: author });
    case "descriptiveCodesSet":
      return changed(session, { descriptiveCodes: payload.value.codes });
    case "identityErased":
      return changed(session, { patronName: "", patronEmail: "", language: "", identityEraseTime: event.time });
    case "erased":
      return changed(session, {
        patronName: "",
        patronEmail: "",
        language: "",
        question: "",
        owner: undefined,
        formerOwners: [],
        colleagues: [],
        resolutionBy: undefined,
        identityEraseTime: undefined,
        eraseTime: event.time,
        erasedBy: author,
      });
    default:
      return session;
  }
}

function changed(session: Session, facts: Partial<Omit<Session, "$typeName" | "$unknown">>): Session {
  // A new object: what was drawn with the same one is not drawn again.
  const next = clone(SessionSchema, session);
  return Object.assign(next, facts);
}

const BRINGS_IN = new Set<Deed["case"]>(["openSession", "pickUp", "enterConference", "acceptTransfer"]);

function accepted(view: SessionView, commandId: string, position: number): SessionStep {
  const done = view.outgoing.find((out) => out.commandId === commandId);
  if (done === undefined) return [view, []];
  const there = position <= view.events.length;
  const next = { ...view, outgoing: outbox.committed(view.outgoing, commandId, position, there) };
  if (BRINGS_IN.has(done.deed.case)) return attend({ ...next, wanted: true, refusal: undefined });
  if (done.deed.case === "leaveConference") return [{ ...next, wanted: false }, []];
  const said = saidOf(done.deed);
  if (said !== undefined) {
    // A page that attends gets the event. Otherwise this answer is all that it gets.
    const facts = view.session && changed(view.session, said);
    const isShown = view.attendance === "on" || (position > 0 && there);
    const outgoing = outbox.discard(view.outgoing, commandId);
    return [{ ...view, outgoing, session: isShown ? view.session : facts }, []];
  }
  return [next, []];
}

/** What an act says of an ended session, if it does. */
function saidOf(deed: Deed): Partial<Session> | undefined {
  switch (deed.case) {
    case "setResolution":
      return { resolution: deed.value.resolution, resolutionBy: undefined };
    case "setDescriptiveCodes":
      return { descriptiveCodes: deed.value.codes };
    default:
      return undefined;
  }
}

function detached(view: SessionView, refusal: Refusal | undefined, now: number): SessionView {
  if (refusal === undefined) return { ...view, attendance: "off" };
  if (!mayPass(refusal)) return { ...view, attendance: "off", wanted: false, refusal, trouble: undefined };
  const trouble = mayLast(refusal) ? refusal : undefined;
  const pause = refusal.retryAfterMs || (trouble === undefined ? ATTEND_PAUSE : LONG_ATTEND_PAUSE);
  return { ...view, attendance: "off", attendAt: now + pause, trouble };
}

function posted(view: SessionView, [outgoing, again]: outbox.OutboxStep<Deed>): SessionStep {
  return [{ ...view, outgoing }, again.map((out) => frameOf(view, out))];
}

function connected(view: SessionView): SessionStep {
  return view.wanted ? attend(view) : posted(view, outbox.resend(view.outgoing));
}

function tick(view: SessionView, now: number): SessionStep {
  if (view.wanted && view.attendance === "off" && view.attendAt !== undefined) {
    // Until the session is attended again, no act would be accepted.
    return now >= view.attendAt ? attend(view) : [view, []];
  }
  const step = outbox.due(view.outgoing, now);
  return step[1].length === 0 ? [view, []] : posted(view, step);
}

function frameOf(view: SessionView, out: Outgoing): ClientFrame {
  return actFrame(out.commandId, view.sessionId, out.deed);
}
