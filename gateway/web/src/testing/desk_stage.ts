/** A chat monitor connected to a fake gateway, for tests of the whole page. */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { h, render } from "preact";
import { vi } from "vitest";
import { Desk } from "../app/desk/desk";
import { Role } from "../gen/carrel/directory/v1/directory_service_pb";
import {
  AttendingSchema,
  DetachedSchema,
  SessionEventSchema as SessionEventFrameSchema,
  SomebodyTypingSchema,
} from "../gen/carrel/gateway/v1/frames_pb";
import { OwnPresenceSchema, Status, WatchDeskResponseSchema } from "../gen/carrel/presence/v1/presence_service_pb";
import { type SessionEvent, SessionEventSchema } from "../gen/carrel/session/v1/session_event_pb";
import { Part, PatronConnection, SessionState } from "../gen/carrel/session/v1/session_pb";
import { JoinedSchema, WatchSessionsResponseSchema } from "../gen/carrel/session/v1/session_service_pb";
import { DeskPage } from "../view/desk/desk_page";
import { FakeSocket } from "./gateway";

/** The librarian at the desk. */
export const MAP = { part: Part.OWNER, name: "Ms Map", librarianId: "map" };
/** A colleague. */
export const QUILL = { part: Part.COLLEAGUE, name: "Mr Quill", librarianId: "quill" };
/** Another colleague. */
export const PLAT = { part: Part.COLLEAGUE, name: "Ms Plat", librarianId: "plat" };
/** The patron of session `s`. */
export const RICKY = { part: Part.PATRON, name: "Ricky" };

/** The facts of session `s`. */
export const ROW = {
  sessionId: "s",
  institutionName: "Maple Library",
  patronName: "Ricky",
  question: "Where is the plat book?",
};

/** The question that the page asks before it throws away what is typed. */
export const THROW_AWAY = "Throw away what you have typed?";

const realFetch = fetch;

type ListChange = NonNullable<NonNullable<Parameters<typeof create<typeof WatchSessionsResponseSchema>>[1]>["change"]>;
type Author = typeof MAP | typeof QUILL | typeof RICKY;

/** Waits until the page has rendered and has done what it does after that. */
export const drawn = () => new Promise<void>((resolve) => requestAnimationFrame(() => setTimeout(resolve)));

/** One monitor, in a browser whose sockets lead to the fake gateway. */
export class DeskStage {
  readonly root = document.createElement("div");
  readonly desk: Desk;
  #position = 0n;

  private constructor(role = Role.LIBRARIAN, library: { language?: string } = {}) {
    vi.stubGlobal("WebSocket", FakeSocket);
    // A directory in which no library has a policy, unless the test has stubbed `fetch` itself.
    if (fetch === realFetch) vi.stubGlobal("fetch", async () => new Response("{}"));
    HTMLDialogElement.prototype.showModal ??= () => {};
    FakeSocket.profile = {
      librarianId: "map",
      screenName: "Ms Map",
      role,
      queues: [{ queueId: "main", name: "Main" }],
      ...library,
    };
    document.body.append(this.root);
    this.desk = new Desk();
    render(h(DeskPage, { desk: this.desk }), this.root);
    this.desk.begin();
  }

  /**
   * Opens a monitor in a tab that remembers that its librarian is logged in, and what is in `remembered`. `library` is what
   * the profile says of their library.
   */
  static async open(remembered: object = {}, role?: Role, library?: { language?: string }): Promise<DeskStage> {
    const token = { accessToken: "t", expiresAt: Date.now() + 900_000, renewUntil: Date.now() + 900_000 };
    const stored = { token, queueIds: ["main"], seen: {}, held: [], ...remembered };
    sessionStorage.setItem("carrel.desk", JSON.stringify(stored));
    const stage = new DeskStage(role, library);
    await stage.greet();
    return stage;
  }

  /** Opens a monitor whose user owns session `s` and looks at it. */
  static async openAtWork(): Promise<DeskStage> {
    const stage = await DeskStage.open({ held: ["s"] });
    await stage.atWork();
    return stage;
  }

  /** Opens a monitor in a tab in which another one has just been closed. */
  static async again(): Promise<DeskStage> {
    const stage = new DeskStage();
    await stage.greet();
    return stage;
  }

  /** Opens a monitor in a tab in which nobody is logged in. */
  static loggedOut(): DeskStage {
    sessionStorage.removeItem("carrel.desk");
    return new DeskStage();
  }

  /** The page's end of the connection. */
  get socket(): FakeSocket {
    return FakeSocket.last as FakeSocket;
  }

  /** Opens the connection, and lets the gateway welcome the page. */
  async greet(): Promise<void> {
    this.socket.open();
    const own = { queueIds: ["main"], status: Status.AVAILABLE, monitors: 1 };
    this.socket.push({ case: "ownPresence", value: create(OwnPresenceSchema, own) });
    await drawn();
  }

  /** Closes the page; what the tab remembers stays. */
  close(): void {
    // It would reconnect, and be taken for the socket of the next page.
    this.desk.link.stop();
    render(null, this.root);
    this.root.remove();
  }

  /** Ends the test: closes the page, clears what the tab remembers, and removes all stubs. */
  end(): void {
    this.close();
    sessionStorage.clear();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  }

  /** Sends the librarians who share a queue with the user. */
  async colleagues(...colleagues: { librarianId: string; name: string }[]): Promise<void> {
    const librarians = colleagues.map(({ librarianId, name }) => ({
      librarianId,
      screenName: name,
      introduction: `i-${librarianId}`,
      sharedQueueIds: ["main"],
    }));
    const change = { case: "snapshot" as const, value: { librarians } };
    this.socket.push({ case: "desk", value: create(WatchDeskResponseSchema, { change }) });
    await drawn();
  }

  /** Ends the attendance of session `s`. */
  async detached(refusal: { code: number; reason: string; message?: string }): Promise<void> {
    this.socket.push({ case: "detached", value: create(DetachedSchema, { sessionId: "s", refusal }) });
    await drawn();
  }

  /** Sends a change of the lists. */
  lists(change: ListChange): void {
    this.socket.push({ case: "lists", value: create(WatchSessionsResponseSchema, { change }) });
  }

  /** Makes the user own session `s` and look at it. */
  async atWork(): Promise<void> {
    await this.attending();
    this.desk.select("s");
    await drawn();
  }

  /** Lets the user attend session `s`, as its owner or as a colleague; `more` is what else is known of it. */
  async attending(part: Part = Part.OWNER, more: { language?: string } = {}): Promise<void> {
    const owner = part === Part.OWNER ? MAP : { ...QUILL, part: Part.OWNER };
    const state = SessionState.ACTIVE;
    const session = { ...ROW, state, owner, patronConnection: PatronConnection.CONNECTED, ...more };
    const joined = create(JoinedSchema, { session, head: { epoch: "1", number: this.#position }, part });
    this.socket.push({ case: "attending", value: create(AttendingSchema, { sessionId: "s", joined }) });
    await drawn();
  }

  /** Sends an event of session `s`. */
  async event(payload: SessionEvent["payload"], author: Author | undefined): Promise<void> {
    this.#position += 1n;
    const time = timestampFromMs(Date.now());
    const event = Object.assign(create(SessionEventSchema, { position: this.#position, time, author }), { payload });
    this.socket.push({ case: "event", value: create(SessionEventFrameSchema, { sessionId: "s", event }) });
    await drawn();
  }

  /** Sends a sign of typing in session `s`. */
  async typing(author: Author): Promise<void> {
    const sign = { sessionId: "s", typing: { author } };
    this.socket.push({ case: "typing", value: create(SomebodyTypingSchema, sign) });
    await drawn();
  }

  /** Returns the first element with a name, if any. */
  find(selector: string, name: string | RegExp): HTMLElement | undefined {
    return [...this.root.querySelectorAll<HTMLElement>(selector)].find((element) =>
      (element.getAttribute("aria-label") ?? element.textContent ?? "").trim().match(name),
    );
  }

  /** Returns a field by its id. */
  field(id: string): HTMLInputElement {
    const field = this.root.querySelector<HTMLInputElement>(`#${id}`);
    if (field === null) throw new Error(`There is no field ${id}.`);
    return field;
  }

  /** Types into a field, which then has the focus. */
  async types(id: string, text: string): Promise<void> {
    const field = this.field(id);
    field.focus();
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    await drawn();
  }

  /** Presses a key on the focused element. */
  async press(key: string): Promise<void> {
    document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    await drawn();
  }

  /** Submits a form, as Enter in one of its fields does. */
  async submit(selector: string): Promise<void> {
    const form = this.root.querySelector<HTMLFormElement>(selector);
    if (form === null) throw new Error(`There is no form ${selector}.`);
    form.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
    await drawn();
  }

  /** The assertive announcements to screen readers. */
  get alerts(): Element[] {
    return [...this.root.querySelectorAll("[role=alert]")];
  }

  /** The titles of the open dialogs. */
  get dialogs(): (string | undefined)[] {
    return [...this.root.querySelectorAll("dialog")].map((dialog) => dialog.querySelector("h2")?.textContent);
  }

  /** Presses a button of the dialog. */
  async answer(name: string): Promise<void> {
    const button = this.find("dialog button", name);
    if (button === undefined) throw new Error(`There is no answer ${name}.`);
    button.click();
    await drawn();
  }

  /** Presses a button. */
  async click(name: string | RegExp): Promise<void> {
    const button = this.find("button", name);
    if (button === undefined) throw new Error(`There is no button ${name}.`);
    button.click();
    await drawn();
  }
}
