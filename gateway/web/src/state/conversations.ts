/** All conversations with other librarians that the page knows. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { ClientFrame } from "../gen/carrel/gateway/v1/frames_pb";
import type {
  Conversation,
  ListMessagesRequest,
  ListMessagesResponse,
  Message,
  WatchConversationsResponse,
} from "../gen/carrel/im/v1/im_service_pb";
import type { Refusal } from "../gen/carrel/refusal/v1/refusal_pb";
import * as outbox from "./outbox";
import { goneBy, type LeftOut, leftOutOf, nothingLeftOut, settled } from "./parts";
import {
  arrived,
  askEarlier,
  type Counterpart,
  closed,
  emptyThread,
  forgotten,
  keyOf,
  lastHeld,
  listed,
  listRefused,
  ONE_BY_ONE,
  type OutgoingMessage,
  opened,
  posted,
  readAll,
  reconnected,
  type Thread,
  type ThreadStep,
  takeFacts,
  ticked,
  typed,
} from "./thread";

/** The conversations. */
export interface Conversations {
  /** Whether the first snapshot has arrived. */
  loaded: boolean;
  /** The conversations by key. */
  threads: ReadonlyMap<string, Thread>;
  /** Those of them, by their ids, that the last snapshot left out, and that may still follow. */
  leftOut: LeftOut;
}

/** The conversations before anything is known about them. */
export const noConversations: Conversations = { loaded: false, threads: new Map(), leftOut: nothingLeftOut };

/** An input to the conversations. */
export type ConversationsInput =
  | { kind: "change"; change: WatchConversationsResponse["change"] }
  | { kind: "sent"; commandId: string; conversationId: string; position: number }
  | { kind: "refused"; commandId: string; refusal: Refusal }
  | { kind: "listed"; request: ListMessagesRequest; response: ListMessagesResponse }
  | { kind: "list-refused"; conversationId: string; refusal: Refusal }
  /** The user wants to write to somebody, perhaps for the first time. */
  | { kind: "choose"; counterpart: Counterpart }
  /** The user has opened a conversation, or returned to it. */
  | { kind: "open"; key: string }
  /** The user was looking when something arrived. */
  | { kind: "read"; key: string }
  | { kind: "close"; key: string }
  | { kind: "earlier"; key: string }
  | { kind: "send"; key: string; commandId: string; text: string }
  | { kind: "retry"; key: string; commandId: string }
  | { kind: "discard"; key: string; commandId: string }
  /** There is a new connection. */
  | { kind: "connected" }
  | { kind: "tick" };

/** The conversations after a change, and the frames that the change asks for. */
export type ConversationsStep = [Conversations, ClientFrame[]];

/** Returns the conversations after an input, and the frames to send. `me` is the user's librarian id. */
export function reduceConversations(
  conversations: Conversations,
  input: ConversationsInput,
  me: string,
  now: number,
): ConversationsStep {
  const to = (key: string, change: (thread: Thread) => ThreadStep) => toThread(conversations, key, change);
  switch (input.kind) {
    case "change":
      return changed(conversations, input.change, me, now);
    case "sent":
      return to(keyOfCommand(conversations, input.commandId), (thread) => {
        const there = input.position <= lastHeld(thread);
        const outgoing = outbox.committed(thread.outgoing, input.commandId, input.position, there);
        const known = { ...thread, conversationId: thread.conversationId || input.conversationId };
        return posted(known, outbox.due(outgoing, now, ONE_BY_ONE));
      });
    case "refused":
      return to(keyOfCommand(conversations, input.commandId), (thread) => {
        const outgoing = outbox.refuse(thread.outgoing, input.commandId, input.refusal, now);
        return posted(thread, outbox.due(outgoing, now, ONE_BY_ONE));
      });
    case "listed":
      return to(keyOfId(conversations, input.request.conversationId), (thread) =>
        listed(thread, input.request, input.response, me, now),
      );
    case "list-refused":
      return to(keyOfId(conversations, input.conversationId), (thread) => [
        listRefused(thread, now, input.refusal.retryAfterMs),
        [],
      ]);
    case "choose":
      return [ensured(conversations, input.counterpart), []];
    case "open":
      return to(input.key, opened);
    case "read":
      return to(input.key, readAll);
    case "close":
      return to(input.key, (thread) => [closed(thread), []]);
    case "earlier":
      return to(input.key, askEarlier);
    case "send":
      return to(input.key, (thread) =>
        posted(thread, outbox.post(thread.outgoing, input.commandId, input.text, thread.head, now, ONE_BY_ONE)),
      );
    case "retry":
      return to(input.key, (thread) => posted(thread, outbox.retry(thread.outgoing, input.commandId, now, ONE_BY_ONE)));
    case "discard":
      return to(input.key, (thread) => [{ ...thread, outgoing: outbox.discard(thread.outgoing, input.commandId) }, []]);
    case "connected":
      return toEach(conversations, reconnected);
    case "tick":
      return toEach(withoutGone(conversations, now), (thread) => ticked(thread, now));
  }
}

/** A message of somebody else's that the page has not known of. */
export interface Arrival {
  /** The conversation, as it is now. */
  thread: Thread;
  message: Message;
}

/**
 * Returns what is new to the user in a change, at most one message of each conversation. What they have read on another
 * monitor is not new to them; nor is anything in the first snapshot, or in a staff room that they have just come to.
 */
export function arrivals(
  before: Conversations,
  after: Conversations,
  change: WatchConversationsResponse["change"],
  me: string,
): Arrival[] {
  const newIn = (conversationId: string, message: Message | undefined, isNewToPage: (thread: Thread) => boolean) => {
    const thread = threadOf(after, conversationId);
    if (message === undefined || thread === undefined || message.author?.librarianId === me) return [];
    const known = threadOf(before, conversationId);
    const isNew = known === undefined ? isNewToPage(thread) : Number(message.position) > known.head;
    return isNew ? [{ thread, message }] : [];
  };
  switch (change.case) {
    case "arrived":
      return newIn(change.value.conversationId, change.value.message, () => true);
    case "changed":
      // A part of a snapshot, or a staff room that the user has just come to: what is new in it would follow.
      return change.value.unread === 0 ? [] : newIn(change.value.conversationId, change.value.lastMessage, () => false);
    case "snapshot":
      if (!before.loaded) return [];
      return change.value.conversations
        .filter(({ unread }) => unread > 0)
        .flatMap(({ conversationId, lastMessage }) =>
          newIn(conversationId, lastMessage, ({ counterpart }) => counterpart.kind === "librarian"),
        );
    default:
      return [];
  }
}

/** Returns the conversation with an id. */
export function threadOf(conversations: Conversations, conversationId: string): Thread | undefined {
  return conversations.threads.get(keyOfId(conversations, conversationId));
}

/** Returns the conversations with a single librarian, the one with the latest message first. */
export function withLibrarians({ threads }: Conversations): Thread[] {
  return [...threads.values()]
    .filter((thread) => thread.counterpart.kind === "librarian" && isBegun(thread))
    .sort((a, b) => lastTime(b) - lastTime(a) || a.key.localeCompare(b.key));
}

/** Returns the staff rooms. */
export function staffRooms({ threads }: Conversations): Thread[] {
  return [...threads.values()].filter((thread) => thread.counterpart.kind === "queue");
}

/** Returns in how many conversations there is something that the user has not read. */
export function unreadThreads({ threads }: Conversations): number {
  return [...threads.values()].filter((thread) => thread.unread > 0).length;
}

/** One item to show of a conversation. */
export type ThreadItem =
  | { kind: "message"; message: Message; own: boolean }
  | { kind: "divider" }
  | { kind: "outgoing"; outgoing: OutgoingMessage };

/**
 * Returns all items to show of a conversation, in order.
 *
 * A message of the user may arrive before the answer that says which number it got. Until then, a message of theirs
 * with the same text is taken for it, so that nothing is ever shown twice.
 */
export function itemsOf(thread: Thread, me: string): ThreadItem[] {
  const items: ThreadItem[] = [];
  const { divider } = thread;
  for (const message of thread.messages) {
    const own = message.author?.librarianId === me;
    const isNew = divider !== undefined && Number(message.position) > divider && !own;
    if (isNew && !items.some((item) => item.kind === "divider")) items.push({ kind: "divider" });
    items.push({ kind: "message", message, own });
  }
  const taken = new Set(thread.outgoing.map((out) => out.position));
  for (const outgoing of thread.outgoing) {
    const twin =
      outgoing.status === "sending" &&
      thread.messages.find(
        ({ position, author, text }) =>
          Number(position) > outgoing.after &&
          !taken.has(Number(position)) &&
          author?.librarianId === me &&
          text === outgoing.deed,
      );
    if (twin) taken.add(Number(twin.position));
    else items.push({ kind: "outgoing", outgoing });
  }
  return items;
}

function changed(
  conversations: Conversations,
  change: WatchConversationsResponse["change"],
  me: string,
  now: number,
): ConversationsStep {
  switch (change.case) {
    case "snapshot":
      return snapshot(conversations, change.value.conversations, now);
    case "arrived": {
      const { conversationId, message } = change.value;
      if (message === undefined) return [conversations, []];
      const own = message.author?.librarianId === me;
      return toThread(conversations, keyOfId(conversations, conversationId), (thread) => arrived(thread, message, own));
    }
    case "changed": {
      const { conversationId } = change.value;
      // One that the last snapshot left out is a part of it.
      const isPart = conversations.leftOut.keys.has(conversationId);
      const leftOut = settled(conversations.leftOut, conversationId, now);
      return facts({ ...conversations, leftOut }, change.value, isPart);
    }
    case "gone": {
      const { conversationId } = change.value;
      const leftOut = settled(conversations.leftOut, conversationId, now);
      return [dropped({ ...conversations, leftOut }, keyOfId(conversations, conversationId)), []];
    }
    case "typing": {
      const { conversationId, member } = change.value;
      if (member === undefined || member.librarianId === me) return [conversations, []];
      return toThread(conversations, keyOfId(conversations, conversationId), (thread) => [
        typed(thread, member, now),
        [],
      ]);
    }
    default:
      return [conversations, []];
  }
}

function snapshot(conversations: Conversations, all: readonly Conversation[], now: number): ConversationsStep {
  const there = new Set(all.map((conversation) => conversation.conversationId));
  const before = [...conversations.threads.values()].map(({ conversationId }) => conversationId);
  const leftOut = leftOutOf(
    there,
    before.filter((id) => id !== ""),
    now,
  );
  let next: Conversations = { ...conversations, loaded: true, leftOut };
  const frames: ClientFrame[] = [];
  for (const conversation of all) {
    const [changed, sent] = facts(next, conversation, true);
    next = changed;
    frames.push(...sent);
  }
  return [next, frames];
}

function facts(conversations: Conversations, conversation: Conversation, isNew: boolean): ConversationsStep {
  const counterpart = counterpartOf(conversation);
  if (counterpart === undefined) return [conversations, []];
  const known = ensured(conversations, counterpart);
  return toThread(known, keyOf(counterpart), (thread) => takeFacts(thread, conversation, isNew));
}

function counterpartOf(conversation: Conversation): Counterpart | undefined {
  switch (conversation.with.case) {
    case "librarian":
      return { kind: "librarian", member: conversation.with.value };
    case "queueId":
      return { kind: "queue", queueId: conversation.with.value };
    default:
      return undefined;
  }
}

function ensured(conversations: Conversations, counterpart: Counterpart): Conversations {
  const key = keyOf(counterpart);
  if (conversations.threads.has(key)) return conversations;
  return { ...conversations, threads: new Map(conversations.threads).set(key, emptyThread(counterpart)) };
}

/** Drops the conversations that the last snapshot left out and that did not follow in time. */
function withoutGone(conversations: Conversations, now: number): Conversations {
  const gone = goneBy(conversations.leftOut, now);
  if (gone.size === 0) return conversations;
  let next: Conversations = { ...conversations, leftOut: nothingLeftOut };
  for (const id of gone) next = dropped(next, keyOfId(conversations, id));
  return next;
}

/** Drops a conversation that is gone. Unanswered and failed messages of the user are kept. */
function dropped(conversations: Conversations, key: string): Conversations {
  const thread = conversations.threads.get(key);
  if (thread === undefined) return conversations;
  const threads = new Map(conversations.threads);
  const left = forgotten(thread);
  if (left.outgoing.length === 0) threads.delete(key);
  else threads.set(key, left);
  return { ...conversations, threads };
}

function toThread(
  conversations: Conversations,
  key: string,
  change: (thread: Thread) => ThreadStep,
): ConversationsStep {
  const before = conversations.threads.get(key);
  if (before === undefined) return [conversations, []];
  const [after, frames] = change(before);
  if (after === before) return [conversations, frames];
  return [{ ...conversations, threads: new Map(conversations.threads).set(key, after) }, frames];
}

function toEach(conversations: Conversations, change: (thread: Thread) => ThreadStep): ConversationsStep {
  let next = conversations;
  const frames: ClientFrame[] = [];
  for (const key of conversations.threads.keys()) {
    const [changed, sent] = toThread(next, key, change);
    next = changed;
    frames.push(...sent);
  }
  return [next, frames];
}

function keyOfId({ threads }: Conversations, conversationId: string): string {
  for (const thread of threads.values()) if (thread.conversationId === conversationId) return thread.key;
  return "";
}

function keyOfCommand({ threads }: Conversations, commandId: string): string {
  for (const thread of threads.values()) {
    if (thread.outgoing.some((out) => out.commandId === commandId)) return thread.key;
  }
  return "";
}

function isBegun(thread: Thread): boolean {
  return thread.head > 0 || thread.outgoing.length > 0;
}

function lastTime(thread: Thread): number {
  const since = thread.outgoing.at(-1)?.since ?? 0;
  const time = thread.messages.at(-1)?.time;
  return Math.max(since, time === undefined ? 0 : timestampMs(time));
}
