/**
 * One conversation with another librarian or with the staff of a queue, as this page knows it.
 *
 * The page holds one run of messages without gaps, ending at the newest. A repeat changes nothing; a gap at the end is
 * filled by requesting what comes after the last message held; the run grows at its start when the user scrolls back.
 */
import { create } from "@bufbuild/protobuf";
import type { ClientFrame } from "../gen/carrel/gateway/v1/frames_pb";
import {
  type Conversation,
  type ListMessagesRequest,
  type ListMessagesResponse,
  type Member,
  type Message,
  SendMessageRequestSchema,
} from "../gen/carrel/im/v1/im_service_pb";
import { clientFrame } from "../wire";
import * as outbox from "./outbox";

/** The other side of a conversation. */
export type Counterpart = { kind: "librarian"; member: Member } | { kind: "queue"; queueId: string };

/** A message to another librarian that the history does not show yet. */
export type OutgoingMessage = outbox.Outgoing<string>;

/** One conversation. */
export interface Thread {
  /** Identifies the counterpart, and so the conversation, even before anything was written. */
  readonly key: string;
  readonly counterpart: Counterpart;
  /** The conversation's id, or empty before anything was written. */
  conversationId: string;
  /** The number of the first message that the page holds, or of the next one if it holds none. */
  first: number;
  /** The messages from `first` on, without gaps. */
  messages: readonly Message[];
  /** How many of the messages are there because the user has scrolled back. */
  earlier: number;
  /** The number of the last message that exists. */
  head: number;
  /** The number of the first message that still exists. */
  firstKept: number;
  /** The number of the last message that the user has read. */
  read: number;
  /** How many messages of others the user has not read. */
  unread: number;
  deliveredToOther: number;
  readByOther: number;
  /** The number of the message after which the divider stands: what follows was new when the user came. */
  divider: number | undefined;
  outgoing: outbox.Outbox<string>;
  /** The request for messages that is not answered yet. */
  asked: "earlier" | "later" | undefined;
  /** When to ask again after a refusal or an incomplete answer. */
  askAt: number | undefined;
  typists: readonly { member: Member; until: number }[];
}

/** A thread after a change, and the frames that the change asks for. */
export type ThreadStep = [Thread, ClientFrame[]];

const PAGE = 50;
/** How many messages of a conversation a page keeps, besides those that the user has scrolled back to. */
export const HELD = 500;
/** How many messages of one conversation are in flight at once: a message that must be resent is then not overtaken. */
export const ONE_BY_ONE = 1;
const ASK_PAUSE = 2_000;
const TYPING_SHOWN = 6_000;

/** Returns the key of the conversation with a counterpart. */
export function keyOf(counterpart: Counterpart): string {
  return counterpart.kind === "librarian"
    ? librarianKey(counterpart.member.librarianId)
    : `queue/${counterpart.queueId}`;
}

/** Returns the key of the conversation with a librarian. */
export function librarianKey(librarianId: string): string {
  return `librarian/${librarianId}`;
}

/** Returns a conversation in which nothing was written yet. */
export function emptyThread(counterpart: Counterpart): Thread {
  return {
    key: keyOf(counterpart),
    counterpart,
    conversationId: "",
    first: 1,
    messages: [],
    earlier: 0,
    head: 0,
    firstKept: 1,
    read: 0,
    unread: 0,
    deliveredToOther: 0,
    readByOther: 0,
    divider: undefined,
    outgoing: [],
    asked: undefined,
    askAt: undefined,
    typists: [],
  };
}

/** Returns the number of the last message that the page holds. */
export function lastHeld(thread: Thread): number {
  return thread.first + thread.messages.length - 1;
}

/** Whether there are earlier messages than those that the page holds. */
export function hasEarlier(thread: Thread): boolean {
  return thread.conversationId !== "" && thread.first > thread.firstKept;
}

/** Whether somebody new wants to talk to the user: the user has read nothing of it and written nothing (D16). */
export function isRequest(thread: Thread): boolean {
  return (
    thread.counterpart.kind === "librarian" &&
    thread.unread > 0 &&
    thread.read === 0 &&
    thread.unread === thread.head - thread.firstKept + 1
  );
}

/** Applies the facts of a conversation. `isNew` is whether they begin a watch, and so replace what was known. */
export function takeFacts(thread: Thread, facts: Conversation, isNew: boolean): ThreadStep {
  const head = Number(facts.head);
  const restored = isNew && head < lastHeld(thread);
  const before = restored ? startAgain(thread) : [thread, []];
  const [start, frames] = before as ThreadStep;
  const read = Math.max(start.read, Number(facts.read));
  const isBehind = head < start.head || Number(facts.read) < read;
  const firstKept = Math.max(1, Number(facts.firstKept));
  const kept = start.messages.filter((message) => Number(message.position) >= firstKept);
  const known: Thread = {
    ...start,
    counterpart: facts.with.case === "librarian" ? { kind: "librarian", member: facts.with.value } : start.counterpart,
    conversationId: facts.conversationId,
    messages: kept,
    first: kept.length > 0 ? Math.max(start.first, firstKept) : Math.max(head + 1, firstKept),
    head: isNew ? head : Math.max(start.head, head),
    firstKept,
    read,
    // What was read on this page counts as read even if the server has not heard of it yet.
    unread: isBehind ? start.unread : facts.unread,
    deliveredToOther: Math.max(start.deliveredToOther, Number(facts.deliveredToOther)),
    readByOther: Math.max(start.readByOther, Number(facts.readByOther)),
  };
  const last = facts.lastMessage;
  const isFirst = kept.length === 0 && last !== undefined && Number(last.position) === head;
  const filled = isFirst ? begin(known, last) : last === undefined ? known : append(known, last);
  const [complete, asking] = askLater(filled);
  const again = isNew && read > Number(facts.read) ? [markReadFrame(complete)] : [];
  return [complete, [...frames, ...asking, ...again]];
}

/** Applies a new message. `own` is whether the user wrote it, on any of their monitors. */
export function arrived(thread: Thread, message: Message, own: boolean): ThreadStep {
  const position = Number(message.position);
  const isNews = position > thread.head;
  const counted: Thread = {
    ...thread,
    unread: isNews && !own ? thread.unread + 1 : thread.unread,
    head: Math.max(thread.head, position),
    typists: thread.typists.filter(({ member }) => member.librarianId !== message.author?.librarianId),
  };
  return askLater(bounded(append(counted, message)));
}

/** Applies the answer to a request for messages. `me` is the user's librarian id. */
export function listed(
  thread: Thread,
  request: ListMessagesRequest,
  response: ListMessagesResponse,
  me: string,
  now: number,
): ThreadStep {
  const { messages, more } = response;
  const answered: Thread = { ...thread, asked: undefined, askAt: undefined };
  if (request.after > 0n) {
    const next = bounded(recounted(messages.reduce(append, skipGone(answered, request, messages)), me));
    return lastHeld(next) === lastHeld(thread) && next.head > lastHeld(next)
      ? [{ ...next, askAt: now + ASK_PAUSE }, []]
      : askLater(next);
  }
  if (Number(request.before) !== thread.first) return askLater(answered);
  const run = unbroken(messages, thread.first);
  const first = thread.first - run.length;
  const firstKept = more && run.length > 0 ? thread.firstKept : first;
  const outgoing = run.reduce((left, { position }) => outbox.shown(left, Number(position)), thread.outgoing);
  const held = { messages: [...run, ...thread.messages], first, earlier: thread.earlier + run.length };
  return askLater({ ...answered, ...held, firstKept, outgoing });
}

/**
 * Applies the refusal of a request for messages. They are requested again when the user wants them, or after a while.
 */
export function listRefused(thread: Thread, now: number, retryAfter: number): Thread {
  return { ...thread, asked: undefined, askAt: now + (retryAfter || ASK_PAUSE) };
}

/** Requests earlier messages, if there are any and no request is pending. */
export function askEarlier(thread: Thread): ThreadStep {
  if (!hasEarlier(thread) || thread.asked !== undefined) return [thread, []];
  const { conversationId, first } = thread;
  const value = { conversationId, before: BigInt(first), pageSize: PAGE };
  return [{ ...thread, asked: "earlier" }, [clientFrame({ case: "imList", value })]];
}

/** The user has opened the conversation: a divider is put above what is new to them, and all of it counts as read. */
export function opened(thread: Thread): ThreadStep {
  const divided = { ...thread, divider: thread.unread > 0 ? thread.read : thread.divider };
  const [next, frames] = readAll(divided);
  // Hold at least a screenful, so that there is something to scroll back in.
  const [more, asking] = next.messages.length < PAGE / 2 ? askEarlier(next) : [next, []];
  return [more, [...frames, ...asking]];
}

/** The user has read everything that the page holds. */
export function readAll(thread: Thread): ThreadStep {
  const last = lastHeld(thread);
  if (last <= thread.read) return [thread.unread === 0 ? thread : { ...thread, unread: 0 }, []];
  const next = { ...thread, read: last, unread: 0 };
  return [next, [markReadFrame(next)]];
}

/** The user has left the conversation. */
export function closed(thread: Thread): Thread {
  return thread.divider === undefined && thread.earlier === 0
    ? thread
    : bounded({ ...thread, divider: undefined, earlier: 0 });
}

/** Somebody is typing. */
export function typed(thread: Thread, member: Member, now: number): Thread {
  const others = thread.typists.filter((typist) => typist.member.librarianId !== member.librarianId);
  return { ...thread, typists: [...others, { member, until: now + TYPING_SHOWN }] };
}

/** Applies a step of the outbox, and sends what it says to send. */
export function posted(thread: Thread, [outgoing, now]: outbox.OutboxStep<string>): ThreadStep {
  return [{ ...thread, outgoing }, now.map((out) => sendFrame(thread, out))];
}

/** There is a new connection: pending requests will not be answered, and unanswered messages are sent again. */
export function reconnected(thread: Thread): ThreadStep {
  return posted({ ...thread, asked: undefined, typists: [] }, outbox.resend(thread.outgoing, ONE_BY_ONE));
}

/** A second has passed. */
export function ticked(thread: Thread, now: number): ThreadStep {
  const typists = thread.typists.filter(({ until }) => now < until);
  const waited = thread.askAt !== undefined && now >= thread.askAt;
  const [asking, frames] = waited ? askLater({ ...thread, askAt: undefined }) : ([thread, []] as ThreadStep);
  const kept = typists.length === thread.typists.length ? asking : { ...asking, typists };
  const step = outbox.due(kept.outgoing, now, ONE_BY_ONE);
  if (step[1].length === 0) return [kept, frames];
  const [sent, again] = posted(kept, step);
  return [sent, [...frames, ...again]];
}

/** The conversation no longer exists. Unanswered and failed messages of the user are kept. */
export function forgotten(thread: Thread): Thread {
  const outgoing = thread.outgoing.filter((out) => out.status !== "sent").map((out) => ({ ...out, after: 0 }));
  return { ...emptyThread(thread.counterpart), outgoing };
}

/** Starts over, since the history is not the one that the page has seen. */
function startAgain(thread: Thread): ThreadStep {
  return posted(emptyThread(thread.counterpart), outbox.restart(thread.outgoing, ONE_BY_ONE));
}

function begin(thread: Thread, message: Message): Thread {
  const first = Number(message.position);
  return { ...thread, first, messages: [message], outgoing: outbox.shown(thread.outgoing, first) };
}

function append(thread: Thread, message: Message): Thread {
  const position = Number(message.position);
  if (position !== lastHeld(thread) + 1) return thread;
  return {
    ...thread,
    messages: [...thread.messages, message],
    head: Math.max(thread.head, position),
    outgoing: outbox.shown(thread.outgoing, position),
  };
}

/** Drops the oldest messages if there are too many: scrolling back brings them back. */
function bounded(thread: Thread): Thread {
  const gone = thread.messages.length - HELD - thread.earlier;
  return gone <= 0 ? thread : { ...thread, first: thread.first + gone, messages: thread.messages.slice(gone) };
}

/** Recounts the unread messages, if the page holds them all: only now are the authors of missed messages known. */
function recounted(thread: Thread, me: string): Thread {
  if (thread.first > thread.read + 1 || lastHeld(thread) < thread.head) return thread;
  const news = thread.messages.filter(
    ({ position, author }) => Number(position) > thread.read && author?.librarianId !== me,
  );
  return { ...thread, unread: news.length };
}

/** Requests the messages that are missing at the end. */
function askLater(thread: Thread): ThreadStep {
  const last = lastHeld(thread);
  if (thread.head <= last || thread.asked === "later" || thread.conversationId === "") return [thread, []];
  // Nothing is held: request the newest now, and the earlier ones when the user asks for them.
  if (last === 0) return askEarlier({ ...thread, first: thread.head + 1, asked: undefined });
  const value = { conversationId: thread.conversationId, after: BigInt(last), pageSize: 4 * PAGE };
  return [{ ...thread, asked: "later" }, [clientFrame({ case: "imList", value })]];
}

/** Restarts the run at the messages received if those between them and the messages held no longer exist. */
function skipGone(thread: Thread, request: ListMessagesRequest, messages: readonly Message[]): Thread {
  const next = Number(messages[0]?.position ?? 0n);
  if (Number(request.after) !== lastHeld(thread) || next <= lastHeld(thread) + 1) return thread;
  return { ...thread, first: next, firstKept: next, messages: [] };
}

/** Returns the messages that lead up to a number without gaps. */
function unbroken(messages: readonly Message[], before: number): readonly Message[] {
  const gap = messages.findLastIndex((message, at) => Number(message.position) !== before - messages.length + at);
  return messages.slice(gap + 1);
}

function markReadFrame({ conversationId, read }: Thread): ClientFrame {
  return clientFrame({ case: "imMarkRead", value: { conversationId, position: BigInt(read) } });
}

function sendFrame({ counterpart }: Thread, { commandId, deed }: OutgoingMessage): ClientFrame {
  const value = create(SendMessageRequestSchema, { commandId, text: deed });
  value.to =
    counterpart.kind === "librarian"
      ? { case: "librarianId", value: counterpart.member.librarianId }
      : { case: "queueId", value: counterpart.queueId };
  return clientFrame({ case: "imSend", value });
}
