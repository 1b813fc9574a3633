/** A librarian's conversations with other librarians: which one is shown, what is typed, and what is new. */
import { create } from "@bufbuild/protobuf";
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { newCommandId } from "../../command_id";
import type { Profile } from "../../gen/carrel/directory/v1/directory_service_pb";
import type { ClientFrame, ServerFrame } from "../../gen/carrel/gateway/v1/frames_pb";
import { MemberSchema, type WatchConversationsResponse } from "../../gen/carrel/im/v1/im_service_pb";
import type { LibrarianRow } from "../../gen/carrel/presence/v1/presence_service_pb";
import type { Refusal } from "../../gen/carrel/refusal/v1/refusal_pb";
import {
  arrivals,
  type Conversations,
  type ConversationsInput,
  type ConversationsStep,
  noConversations,
  reduceConversations,
  unreadThreads,
} from "../../state/conversations";
import { type Counterpart, isRequest, keyOf, librarianKey, type Thread } from "../../state/thread";
import type { Link } from "../parts/link";
import { isLookedAt } from "../parts/looked_at";
import type { DeskTab } from "./place";

/** Where a colleague has written. */
export interface ImPlace {
  /** The queue of the staff room. Absent in a conversation with a single librarian. */
  queueId: string | undefined;
  /** Whether the user is looking at the conversation. */
  isShown: boolean;
}

/** What is typed in a conversation and not sent: with a librarian, or in the staff room of a queue. */
export interface ImDraft {
  text: string;
  queueId?: string;
  member?: { librarianId: string; screenName: string; institutionName: string };
}

/** Callbacks to the desk. */
export interface ImListener {
  /** A colleague has written. */
  arrived: (author: string, text: string, where: ImPlace) => void;
  /** A message of the user was taken. */
  sent: (commandId: string) => void;
  /** A message of the user failed while they are not looking at its conversation, which would say so. */
  refused: (name: string, refusal: Refusal) => void;
}

const WATCH_PAUSE = 2_000;
/** The least time between two typing signs to the other side. */
const TYPING_PAUSE = 3_000;

/** The conversations of one librarian. */
export class InstantMessages {
  readonly #conversations = signal<Conversations>(noConversations);
  readonly #selected = signal<string | undefined>(undefined);
  readonly #drafts = signal<ReadonlyMap<string, string>>(new Map());
  /** The requests that the user has put off, each with the number of its last message then. */
  readonly #putOff = signal<ReadonlyMap<string, number>>(new Map());
  readonly #wantsFocus = signal(false);
  readonly #typed = new Map<string, number>();
  #watchAt: number | undefined;
  /** Whether the server knows what the user monitors, without which it can neither show nor take everything. */
  #isReady = false;

  /** The conversations. */
  readonly conversations: ReadonlySignal<Conversations> = this.#conversations;
  /** The conversation that is shown. */
  readonly thread = computed<Thread | undefined>(() => {
    const key = this.#selected.value;
    return key === undefined ? undefined : this.#conversations.value.threads.get(key);
  });
  /** How many conversations have something unread. */
  readonly unread = computed(() => unreadThreads(this.#conversations.value));
  /** The requests for a first conversation that the user has not put off (D16). */
  readonly requests = computed(() =>
    [...this.#conversations.value.threads.values()].filter(
      (thread) =>
        isRequest(thread) &&
        thread.head > (this.#putOff.value.get(thread.key) ?? 0) &&
        !(thread.key === this.#selected.value && this.tab.value === "im"),
    ),
  );
  /** Whether the box is to get the focus. */
  readonly wantsFocus: ReadonlySignal<boolean> = this.#wantsFocus;

  constructor(
    private readonly link: Link,
    private readonly profile: ReadonlySignal<Profile | undefined>,
    private readonly tab: Signal<DeskTab>,
    private readonly listener: ImListener,
  ) {}

  /** The user's id. */
  get me(): string {
    return this.profile.value?.librarianId ?? "";
  }

  /** Whether anything is typed and not sent. */
  get hasDrafts(): boolean {
    return [...this.#drafts.value.values()].some((draft) => draft !== "");
  }

  /** Everything that is typed and not sent. */
  get drafts(): ImDraft[] {
    const { threads } = this.#conversations.value;
    return [...this.#drafts.value].flatMap(([key, text]): ImDraft[] => {
      const counterpart = threads.get(key)?.counterpart;
      if (text === "" || counterpart === undefined) return [];
      if (counterpart.kind === "queue") return [{ text, queueId: counterpart.queueId }];
      const { librarianId, screenName, institutionName } = counterpart.member;
      return [{ text, member: { librarianId, screenName, institutionName } }];
    });
  }

  /** Puts back what was typed before a reload, unless something was typed since. */
  restore({ text, queueId, member }: ImDraft): void {
    const counterpart: Counterpart =
      queueId === undefined
        ? { kind: "librarian", member: create(MemberSchema, member ?? {}) }
        : { kind: "queue", queueId };
    const key = keyOf(counterpart);
    if (this.draftOf(key) !== "") return;
    this.#input({ kind: "choose", counterpart });
    this.#drafts.value = new Map(this.#drafts.value).set(key, text);
  }

  /** Sends nothing from now on, since there is a new connection on which the user's monitor is not announced yet. */
  wait(): void {
    this.#isReady = false;
    this.#watchAt = undefined;
  }

  /** Requests the conversations once the user's monitor is announced, and resends what is unanswered. */
  announced(): void {
    this.#isReady = true;
    this.#watch();
    this.#input({ kind: "connected" });
  }

  /** Handles that the user monitors other queues, and so has other staff rooms. */
  queuesChanged(): void {
    if (this.#conversations.value.loaded) this.#watch();
  }

  /** Opens the IM tab with a librarian selected, and the cursor in the box (S41, S42). */
  start(row: LibrarianRow): void {
    this.open(this.#choose(row));
  }

  /** Writes to a librarian from wherever the user is, and returns the command's id. */
  write(row: LibrarianRow, text: string): string {
    const commandId = newCommandId();
    this.#input({ kind: "send", key: this.#choose(row), commandId, text });
    return commandId;
  }

  /** Opens the IM tab with a conversation, and the cursor in the box. */
  open(key: string): void {
    this.tab.value = "im";
    this.#wantsFocus.value = true;
    this.#select(key);
    this.look();
  }

  /** Shows the conversations again when there is room for only one thing. */
  unselect(): void {
    this.#select(undefined);
  }

  /** Puts a request off. It stays among the conversations. */
  putOff(thread: Thread): void {
    this.#putOff.value = new Map(this.#putOff.value).set(thread.key, thread.head);
  }

  /** Puts a request of a librarian off whose offer was answered: they may have asked about it first (D44). */
  settle(librarianId: string): void {
    const thread = this.#conversations.value.threads.get(librarianKey(librarianId));
    if (thread !== undefined && this.requests.value.includes(thread)) this.putOff(thread);
  }

  /** Notes that the box has got the focus. */
  focused(): void {
    this.#wantsFocus.value = false;
  }

  /** Notes that the user is looking at the conversation that is shown. */
  look(): void {
    const key = this.#selected.value;
    if (key !== undefined && this.#isLookedAt()) this.#input({ kind: "open", key });
  }

  /** Notes that the user is reading a conversation that is shown beside something else. */
  readBeside(key: string): void {
    if (isLookedAt()) this.#input({ kind: "read", key });
  }

  /** Requests earlier messages of the conversation that is shown. */
  earlier(): void {
    const key = this.#selected.value;
    if (key !== undefined) this.#input({ kind: "earlier", key });
  }

  /** Returns what is typed in a conversation and not sent. */
  draftOf(key: string): string {
    return this.#drafts.value.get(key) ?? "";
  }

  /** Keeps what is typed, and tells the other side that the user is typing, at most once every few seconds. */
  type(thread: Thread, text: string): void {
    this.#drafts.value = new Map(this.#drafts.value).set(thread.key, text);
    const now = Date.now();
    if (text === "" || thread.conversationId === "" || now - (this.#typed.get(thread.key) ?? 0) < TYPING_PAUSE) return;
    this.#typed.set(thread.key, now);
    this.link.send({ case: "imTyping", value: { conversationId: thread.conversationId } });
  }

  /** Sends what is typed. */
  send(key: string): void {
    const text = this.draftOf(key);
    if (text.trim() === "") return;
    this.#drafts.value = new Map(this.#drafts.value).set(key, "");
    this.#typed.delete(key);
    this.#input({ kind: "send", key, commandId: newCommandId(), text });
  }

  /** Retries a message that failed. */
  retry(key: string, commandId: string): void {
    this.#input({ kind: "retry", key, commandId });
  }

  /** Gives up a message that failed. */
  discard(key: string, commandId: string): void {
    this.#input({ kind: "discard", key, commandId });
  }

  /** Handles a frame if it is about conversations, and returns whether it was. */
  frame({ frame }: ServerFrame): boolean {
    switch (frame.case) {
      case "conversations":
        this.#changed(frame.value);
        return true;
      case "imSent": {
        const { commandId, sent } = frame.value;
        const { conversationId = "", position = 0n } = sent ?? {};
        this.#input({ kind: "sent", commandId, conversationId, position: Number(position) });
        this.listener.sent(commandId);
        return true;
      }
      case "imMessages": {
        const { request, response } = frame.value;
        if (request !== undefined && response !== undefined) this.#input({ kind: "listed", request, response });
        return true;
      }
      case "refused": {
        const { commandId, refusal } = frame.value;
        if (refusal === undefined) return false;
        const { request, conversation_id: conversationId } = refusal.metadata;
        if (commandId !== "") this.#refused(commandId, refusal);
        else if (request === "im_list")
          this.#input({ kind: "list-refused", conversationId: conversationId ?? "", refusal });
        else if (request === "watch_conversations") this.#watchAt = Date.now() + (refusal.retryAfterMs || WATCH_PAUSE);
        else return false;
        // The command may instead belong to a session, so the refusal is passed on to the other handlers too.
        return commandId === "";
      }
      default:
        return false;
    }
  }

  /** Retries what is due, and lets signs of typing expire. */
  tick(now: number): void {
    if (this.#watchAt !== undefined && now >= this.#watchAt) this.#watch();
    this.#input({ kind: "tick" });
  }

  /** Forgets everything. */
  clear(): void {
    this.#conversations.value = noConversations;
    this.#selected.value = undefined;
    this.#drafts.value = new Map();
    this.#putOff.value = new Map();
    this.#typed.clear();
    this.wait();
  }

  #watch(): void {
    this.#watchAt = undefined;
    if (this.#isReady) this.link.send({ case: "watchConversations", value: {} });
  }

  #choose({ librarianId, screenName, institutionName }: LibrarianRow): string {
    const member = create(MemberSchema, { librarianId, screenName, institutionName });
    const counterpart = { kind: "librarian", member } as const;
    this.#input({ kind: "choose", counterpart });
    return keyOf(counterpart);
  }

  #select(key: string | undefined): void {
    const before = this.#selected.value;
    if (before !== undefined && before !== key) this.#input({ kind: "close", key: before });
    this.#selected.value = key;
  }

  #changed({ change }: WatchConversationsResponse): void {
    const before = this.#conversations.value;
    this.#input({ kind: "change", change });
    const arrived = arrivals(before, this.#conversations.value, change, this.me);
    const shown = this.thread.value;
    if (shown !== undefined && shown.unread > 0 && this.#isLookedAt()) this.#input({ kind: "read", key: shown.key });
    for (const { thread, message } of arrived) {
      const { key, counterpart } = thread;
      const queueId = counterpart.kind === "queue" ? counterpart.queueId : undefined;
      const isShown = shown?.key === key && this.#isLookedAt();
      this.listener.arrived(message.author?.screenName || "A librarian", message.text, { queueId, isShown });
    }
  }

  #refused(commandId: string, refusal: Refusal): void {
    this.#input({ kind: "refused", commandId, refusal });
    const isFailed = ({ outgoing }: Thread) =>
      outgoing.some((out) => out.commandId === commandId && out.status === "failed");
    const thread = [...this.#conversations.value.threads.values()].find(isFailed);
    if (thread === undefined || (thread.key === this.#selected.value && this.tab.value === "im")) return;
    const name = thread.counterpart.kind === "librarian" ? thread.counterpart.member.screenName : "";
    this.listener.refused(name || "a colleague", refusal);
  }

  #isLookedAt(): boolean {
    return this.tab.value === "im" && isLookedAt();
  }

  #input(input: ConversationsInput): void {
    this.#apply(reduceConversations(this.#conversations.value, input, this.me, Date.now()));
  }

  #apply([conversations, frames]: ConversationsStep): void {
    this.#conversations.value = conversations;
    for (const frame of frames) this.#send(frame);
  }

  #send({ frame }: ClientFrame): void {
    // What is not sent now is sent when the monitor is announced, as after a lost connection.
    if (frame.case !== undefined && this.#isReady) this.link.send(frame);
  }
}
