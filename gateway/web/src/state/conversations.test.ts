import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import type { ClientFrame } from "../gen/carrel/gateway/v1/frames_pb";
import { ConversationsSnapshotSchema } from "../gen/carrel/im/v1/im_service_pb";
import { RefusalSchema } from "../gen/carrel/refusal/v1/refusal_pb";
import { generator } from "../testing/generator";
import { change, ImServer, ME, OTHER } from "../testing/im_server";
import {
  arrivals,
  type Conversations,
  type ConversationsInput,
  itemsOf,
  noConversations,
  reduceConversations,
  unreadThreads,
  withLibrarians,
} from "./conversations";
import { PARTS_TAKE } from "./parts";
import { emptyThread, HELD, isRequest, librarianKey, type Thread } from "./thread";

const KEY = librarianKey(OTHER.librarianId);

/** A page and a server, and everything in flight between them. */
class Page {
  readonly server = new ImServer();
  conversations: Conversations = noConversations;
  toServer: ClientFrame[] = [];
  toPage: ConversationsInput[] = [];
  connected = true;
  now = 0;

  get thread(): Thread {
    return this.conversations.threads.get(KEY) ?? emptyThread({ kind: "librarian", member: OTHER });
  }

  get shown(): string[] {
    return itemsOf(this.thread, ME.librarianId).flatMap((item) => {
      if (item.kind === "message") return [item.message.text];
      return item.kind === "outgoing" ? [item.outgoing.deed] : ["---"];
    });
  }

  input(input: ConversationsInput): void {
    const [conversations, frames] = reduceConversations(this.conversations, input, ME.librarianId, this.now);
    this.conversations = conversations;
    if (this.connected) this.toServer.push(...frames);
  }

  say(text: string, commandId = text): void {
    this.input({ kind: "choose", counterpart: { kind: "librarian", member: OTHER } });
    this.input({ kind: "send", key: KEY, commandId, text });
  }

  /** The other librarian writes; the message is delivered if the page is connected. */
  hear(text: string): void {
    const delivery = this.server.write(OTHER, text);
    if (this.connected) this.toPage.push(delivery);
  }

  connect(): void {
    this.connected = true;
    this.toPage.push(this.server.snapshot);
    this.input({ kind: "connected" });
  }

  disconnect(): void {
    this.connected = false;
    this.toServer = [];
    this.toPage = [];
  }

  serve(): void {
    const frame = this.toServer.shift();
    if (frame !== undefined) this.toPage.push(...this.server.handle(frame));
  }

  receive(): void {
    const input = this.toPage.shift();
    if (input !== undefined) this.input(input);
  }

  settle(): void {
    for (let count = 0; count < 1_000 && this.toServer.length + this.toPage.length > 0; count += 1) {
      this.serve();
      while (this.toPage.length > 0) this.receive();
    }
  }
}

/** Returns a page that has seen the conversation with these messages of the other librarian. */
function watching(...texts: string[]): Page {
  const page = new Page();
  for (const text of texts) page.server.write(OTHER, text);
  page.connect();
  page.settle();
  return page;
}

describe("a conversation as snapshot and changes (R13)", () => {
  it("shows what was written meanwhile, as far back as the user wants", () => {
    const page = watching("one", "two", "three");
    expect(page.shown).toEqual(["three"]);
    expect(page.thread.unread).toBe(3);
    page.input({ kind: "open", key: KEY });
    page.settle();
    expect(page.shown).toEqual(["---", "one", "two", "three"]);
    expect(page.server.read).toBe(3);
    expect(page.thread.unread).toBe(0);
  });

  it("passes over a repeat of anything", () => {
    const page = watching("one");
    const arrival = page.server.write(OTHER, "two");
    page.input(arrival);
    page.input(page.server.changed);
    const before = page.thread;
    page.input(arrival);
    page.input(page.server.changed);
    page.input(page.server.snapshot);
    expect(page.thread).toEqual(before);
    expect(page.toServer).toEqual([]);
  });

  it("fills a gap from its last message", () => {
    const page = watching("one");
    page.server.write(OTHER, "lost");
    page.hear("three");
    page.receive();
    const frame = page.toServer[0]?.frame;
    expect(frame?.case === "imList" && frame.value.after).toBe(1n);
    page.settle();
    expect(page.shown).toEqual(["one", "lost", "three"]);
    expect(page.thread.unread).toBe(3);
  });

  it("goes on after a reconnect from where it was", () => {
    const page = watching("one");
    page.disconnect();
    for (let count = 2; count <= 450; count += 1) page.server.write(OTHER, String(count));
    page.connect();
    page.settle();
    expect(page.shown).toHaveLength(450);
    expect(page.shown.at(-1)).toBe("450");
  });

  it("knows nothing more of what is no longer kept", () => {
    const page = watching("one", "two", "three");
    page.input({ kind: "open", key: KEY });
    page.settle();
    page.server.firstKept = 3;
    page.input(page.server.changed);
    expect(page.shown).toEqual(["---", "three"]);
    page.input({ kind: "earlier", key: KEY });
    expect(page.toServer).toEqual([]);
    page.input(change({ case: "gone", value: { $typeName: "carrel.im.v1.ConversationGone", conversationId: "c" } }));
    expect(page.conversations.threads.size).toBe(0);
  });

  it("keeps so many messages only, and what the user has scrolled back to until they go elsewhere", () => {
    const page = watching("one");
    const held = () => page.thread.messages.length;
    for (let count = 2; count <= HELD + 30; count += 1) page.hear(String(count));
    page.settle();
    expect(held()).toBe(HELD);
    expect(page.shown.at(-1)).toBe(String(HELD + 30));
    page.input({ kind: "earlier", key: KEY });
    page.settle();
    expect(page.shown[0]).toBe("one");
    page.hear("news");
    page.settle();
    expect(held()).toBe(HELD + 30);
    page.input({ kind: "close", key: KEY });
    expect(held()).toBe(HELD);
    expect(page.thread.unread).toBe(HELD + 31);
    page.input({ kind: "open", key: KEY });
    page.input({ kind: "earlier", key: KEY });
    page.settle();
    expect(page.shown.filter((text) => text !== "---")[0]).toBe("one");
    expect(page.thread.unread).toBe(0);
  });

  it("begins anew when the history is another one", () => {
    const page = watching("one", "two", "three");
    page.disconnect();
    page.server.messages.length = 1;
    page.connect();
    page.settle();
    expect(page.shown).toEqual(["one"]);
  });

  it("asks again after a refusal to list", () => {
    const page = watching("one");
    page.server.write(OTHER, "lost");
    page.hear("three");
    page.receive();
    page.toServer = [];
    const refusal = create(RefusalSchema, { code: 14, retryAfterMs: 500 });
    page.input({ kind: "list-refused", conversationId: "c", refusal });
    page.input({ kind: "tick" });
    expect(page.toServer).toEqual([]);
    page.now += 500;
    page.input({ kind: "tick" });
    page.settle();
    expect(page.shown).toEqual(["one", "lost", "three"]);
  });
});

describe("a snapshot that comes in parts", () => {
  it("drops what it leaves out only when that has not followed for a while", () => {
    const page = watching("one", "two");
    page.input({ kind: "open", key: KEY });
    page.settle();
    const held = page.shown;
    const nothing = change({ case: "snapshot", value: create(ConversationsSnapshotSchema) });
    page.input(nothing);
    expect(page.shown).toEqual(held);
    page.input(page.server.changed);
    page.now += PARTS_TAKE;
    page.input({ kind: "tick" });
    expect(page.shown).toEqual(held);
    page.input(nothing);
    page.now += PARTS_TAKE - 1;
    page.input({ kind: "tick" });
    expect(page.shown).toEqual(held);
    page.now += 1;
    page.input({ kind: "tick" });
    expect(page.conversations.threads.size).toBe(0);
  });

  it("is no news when it is the first, in none of its parts (D32)", () => {
    const { server } = watching("one");
    const part = { case: "changed" as const, value: server.conversation };
    const first = change({ case: "snapshot", value: create(ConversationsSnapshotSchema) });
    for (const snapshot of [server.snapshot, first]) {
      const [loaded] = reduceConversations(noConversations, snapshot, ME.librarianId, 0);
      if (snapshot.kind === "change")
        expect(arrivals(noConversations, loaded, snapshot.change, ME.librarianId)).toEqual([]);
      const [whole] = reduceConversations(loaded, change(part), ME.librarianId, 0);
      expect(arrivals(loaded, whole, part, ME.librarianId)).toEqual([]);
      expect(whole.threads.size).toBe(1);
    }
  });

  it("begins a conversation anew that follows in another history", () => {
    const page = watching("one", "two", "three");
    page.input(change({ case: "snapshot", value: create(ConversationsSnapshotSchema) }));
    page.server.messages.length = 1;
    page.input(page.server.changed);
    page.settle();
    expect(page.shown).toEqual(["one"]);
  });
});

describe("requests and unread marks (D16)", () => {
  it("takes a first message of somebody new for a request, until it is read or answered", () => {
    const page = watching("hello");
    expect(isRequest(page.thread)).toBe(true);
    page.input({ kind: "open", key: KEY });
    expect(isRequest(page.thread)).toBe(false);
    page.settle();
    page.hear("are you there?");
    page.settle();
    expect(isRequest(page.thread)).toBe(false);
    expect(unreadThreads(page.conversations)).toBe(1);
  });

  it("does not take an answer for a request", () => {
    const page = new Page();
    page.connect();
    page.say("hello");
    page.settle();
    page.hear("hello yourself");
    page.settle();
    expect(page.thread.unread).toBe(1);
    expect(isRequest(page.thread)).toBe(false);
  });

  it("is read on all monitors when it is read on one", () => {
    const page = watching("one", "two");
    page.server.read = 2;
    page.input(page.server.changed);
    expect(page.thread.unread).toBe(0);
  });

  it("tells the server again what it may not have heard", () => {
    const page = watching("one");
    page.input({ kind: "open", key: KEY });
    page.disconnect();
    page.connect();
    page.settle();
    expect(page.server.read).toBe(1);
    expect(page.thread.unread).toBe(0);
  });

  it("draws the line above what was new when the user came, and no other line while they look", () => {
    const page = watching("one");
    page.input({ kind: "open", key: KEY });
    page.settle();
    page.hear("two");
    page.settle();
    page.input({ kind: "read", key: KEY });
    expect(page.shown).toEqual(["---", "one", "two"]);
    page.input({ kind: "close", key: KEY });
    page.hear("three");
    page.settle();
    page.input({ kind: "open", key: KEY });
    expect(page.shown).toEqual(["one", "two", "---", "three"]);
  });
});

describe("own messages (S42, D21)", () => {
  it("begin a conversation, and show once whichever comes first", () => {
    const page = new Page();
    page.connect();
    page.settle();
    page.say("hello");
    expect(page.shown).toEqual(["hello"]);
    expect(withLibrarians(page.conversations)).toHaveLength(1);
    page.serve();
    page.toPage.reverse();
    page.receive();
    expect(page.thread.outgoing[0]?.status).toBe("sent");
    page.receive();
    page.input(page.server.changed);
    expect(page.shown).toEqual(["hello"]);
    expect(page.thread.outgoing).toEqual([]);
  });

  it("are sent again with the same command id until they are answered", () => {
    const page = watching("one");
    page.say("mine");
    page.serve();
    page.disconnect();
    page.connect();
    page.settle();
    expect(page.shown).toEqual(["one", "mine"]);
    expect(page.server.messages).toHaveLength(2);
    expect(page.thread.outgoing).toEqual([]);
  });

  it.each(["done", "not done"] as const)("keep their order behind one that was left open and %s (I5)", (open) => {
    const page = watching("one");
    page.server.open = open;
    for (const text of ["two", "three", "four"]) page.say(text);
    page.settle();
    page.say("five");
    page.settle();
    page.now += 4_000;
    page.input({ kind: "tick" });
    page.settle();
    expect(page.server.messages.map(({ text }) => text)).toEqual(["one", "two", "three", "four", "five"]);
    expect(page.thread.outgoing).toEqual([]);
  });

  it("say why they were not taken, and leave the history as it is", () => {
    const page = watching("one");
    page.say("mine");
    page.toServer = [];
    const refusal = create(RefusalSchema, { code: 9, reason: "NOT_SHARED", message: "You share no queue." });
    page.input({ kind: "refused", commandId: "mine", refusal });
    expect(page.thread.outgoing[0]).toMatchObject({ status: "failed", refusal: { reason: "NOT_SHARED" } });
    expect(page.shown).toEqual(["one", "mine"]);
    page.input({ kind: "retry", key: KEY, commandId: "mine" });
    page.settle();
    expect(page.shown).toEqual(["one", "mine"]);
    expect(page.thread.outgoing).toEqual([]);
  });
});

describe("any order of losses, repeats and reconnects", () => {
  it("shows the conversation, each thing once, and counts what is unread", () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = generator(seed);
      const page = new Page();
      page.connect();
      let said = 0;
      for (let count = 0; count < 80; count += 1) {
        page.now += Math.floor(random() * 1_500);
        disturb(page, random, () => {
          said += 1;
          return `r${said}`;
        });
        const own = page.shown.filter((text) => text.startsWith("r"));
        expect(new Set(own).size, `seed ${seed}: nothing is shown twice`).toBe(own.length);
      }
      page.disconnect();
      page.connect();
      page.settle();
      // Twice the longest wait.
      for (let second = 0; second < 30 && page.thread.outgoing.length > 0; second += 1) {
        page.now += 1_000;
        page.input({ kind: "tick" });
        page.settle();
      }
      page.input({ kind: "close", key: KEY });
      const unread = page.server.messages.filter(
        ({ author, position }) => author?.librarianId !== ME.librarianId && Number(position) > page.server.read,
      ).length;
      expect(page.thread.unread, `seed ${seed}`).toBe(unread);
      while (page.thread.first > 1) {
        page.input({ kind: "earlier", key: KEY });
        page.settle();
      }
      expect(page.shown, `seed ${seed}`).toEqual(page.server.messages.map(({ text }) => text));
      expect(page.thread.outgoing, `seed ${seed}`).toEqual([]);
      const own = page.server.messages.filter(({ author }) => author?.librarianId === ME.librarianId);
      const order = Array.from({ length: said }, (_, count) => `r${count + 1}`);
      expect(
        own.map(({ text }) => text),
        `seed ${seed}: in the order said (I5)`,
      ).toEqual(order);
    }
  });
});

/** Does one random thing that can happen between a page and its server. */
function disturb(page: Page, random: () => number, next: () => string): void {
  const dice = Math.floor(random() * 13);
  if (dice === 12) page.server.open = random() < 0.5 ? "done" : "not done";
  else if (dice < 2) page.say(next());
  else if (dice < 4) page.serve();
  else if (dice < 6) page.receive();
  else if (dice < 8) page.hear(`m${page.server.messages.length}`);
  else if (dice === 8) page.input({ kind: "tick" });
  else if (dice === 9) {
    if (page.connected) page.disconnect();
    else page.connect();
  } else if (dice === 10) page.input({ kind: random() < 0.5 ? "open" : "earlier", key: KEY });
  else if (page.toPage.length > 0 && random() < 0.3) {
    const again = page.toPage[0];
    if (again?.kind === "change" && again.change.case !== "snapshot") page.toPage.push(again);
  }
}
