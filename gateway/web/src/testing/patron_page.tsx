/** A patron page connected to a fake gateway, for tests of the whole page. */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { render } from "preact";
import { vi } from "vitest";
import { PatronChat } from "../app/ask/chat";
import { AttendingSchema, SessionEventSchema as FrameSchema, RefusedSchema } from "../gen/carrel/gateway/v1/frames_pb";
import type { RefusalSchema } from "../gen/carrel/refusal/v1/refusal_pb";
import { MessagePostedSchema, type SessionEvent, SessionEventSchema } from "../gen/carrel/session/v1/session_event_pb";
import { Part, SessionState } from "../gen/carrel/session/v1/session_pb";
import { JoinedSchema } from "../gen/carrel/session/v1/session_service_pb";
import { AskPage } from "../view/ask/ask_page";
import { FakeSocket } from "./gateway";

type Refusal = NonNullable<Parameters<typeof create<typeof RefusalSchema>>[1]>;
type Facts = NonNullable<Parameters<typeof create<typeof JoinedSchema>>[1]>["session"];

const TOKEN = { accessToken: "t", expiresAt: Date.now() + 900_000, renewUntil: Date.now() + 900_000 };

const OPENED = new Date(2026, 10, 23, 12);

const ASKED = {
  sessionId: "s",
  institutionId: "maple",
  question: "Where is the plat book?",
  patronName: "Ricky",
  openTime: timestampFromMs(OPENED.getTime()),
};

/** A patron page of Maple Library, whose session is "s". */
export class PatronPage {
  readonly root = document.createElement("div");
  readonly chat = new PatronChat("maple", false);
  #position = 0n;

  /** `mend` makes the library readable again. */
  private constructor(readonly mend: () => void) {
    document.body.append(this.root);
    render(<AskPage chat={this.chat} />, this.root);
  }

  /**
   * Opens the page. `returns` is whether the tab was in the session before, and `"taken"` if it also knows that the
   * question was taken. Renewals are refused. `libraryFails` is whether the library cannot be read until `mend`,
   * `rememberChats` whether it lets the browser remember chats, and `says` what else is known of it.
   */
  static async open(
    returns: boolean | "taken" = false,
    {
      libraryFails = false,
      rememberChats = false,
      says = {},
    }: { libraryFails?: boolean; rememberChats?: boolean; says?: object } = {},
  ): Promise<PatronPage> {
    let isBroken = libraryFails;
    vi.stubGlobal("WebSocket", FakeSocket);
    vi.stubGlobal("fetch", async (path: string) => {
      if (path === "/v1/renew") return new Response("{}", { status: 401 });
      if (isBroken && path === "/v1/libraries/maple") throw new TypeError("no network");
      const library = { institutionId: "maple", name: "Maple Library", rememberChats, ...says };
      const token = { accessToken: "t", expireTime: "2099-01-01T00:00:00Z", renewUntilTime: "2099-01-01T00:00:00Z" };
      const answers: Record<string, unknown> = { "/v1/admit": { token, sessionId: "s" } };
      const other = path.endsWith("/availability") ? { availability: "AVAILABILITY_OPEN" } : { library };
      return new Response(JSON.stringify(answers[path] ?? other));
    });
    sessionStorage.clear();
    const admission = { sessionId: "s", token: TOKEN, ...(returns === "taken" ? { taken: true } : {}) };
    if (returns) sessionStorage.setItem("carrel.ask.maple", JSON.stringify(admission));
    const page = new PatronPage(() => {
      isBroken = false;
    });
    await page.chat.begin();
    if (returns) FakeSocket.last?.open();
    await page.drawn();
    return page;
  }

  /** Closes the page, clears what the tab remembers, and removes all stubs. */
  close(): void {
    // It would reconnect, and be taken for the socket of the next page.
    this.chat.link.stop();
    render(null, this.root);
    this.root.remove();
    sessionStorage.clear();
    vi.unstubAllGlobals();
  }

  /** Waits until the page has rendered and has done what it does after that. */
  async drawn(): Promise<void> {
    const frame = () => new Promise<void>((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    // Effects run one frame after a render.
    await frame();
    await frame();
  }

  /** Lets the patron attend the session, which has these facts. */
  async attends(facts: Facts): Promise<void> {
    const session = { ...ASKED, ...facts };
    const joined = create(JoinedSchema, { session, head: { epoch: "1" }, part: Part.PATRON });
    FakeSocket.last?.push({ case: "attending", value: create(AttendingSchema, { sessionId: "s", joined }) });
    await this.drawn();
  }

  /** Lets the patron chat with Ms Map. */
  async chats(): Promise<void> {
    await this.attends({ state: SessionState.ACTIVE, owner: { part: Part.OWNER, name: "Ms Map" } });
  }

  /** Sends an event of the session. */
  async happens(kind: SessionEvent["payload"]["case"], part: Part = Part.OWNER): Promise<void> {
    const { payload } = create(SessionEventSchema, { payload: { case: kind, value: {} } as SessionEvent["payload"] });
    await this.#occurs(payload, part);
  }

  /** Sends a message in the session. */
  async says(text: string, part: Part = Part.OWNER): Promise<void> {
    await this.#occurs({ case: "message", value: create(MessagePostedSchema, { text }) }, part);
  }

  async #occurs(payload: SessionEvent["payload"], part: Part): Promise<void> {
    this.#position += 1n;
    const author = { part, name: "Ms Map" };
    const event = create(SessionEventSchema, { position: this.#position, time: timestampFromMs(Date.now()), author });
    event.payload = payload;
    FakeSocket.last?.push({ case: "event", value: create(FrameSchema, { sessionId: "s", event }) });
    await this.drawn();
  }

  /** Returns the acts that the page has sent in the session. */
  get acts() {
    return FakeSocket.last?.all("act") ?? [];
  }

  /** Refuses the last act. */
  async refuses(refusal: Refusal): Promise<void> {
    const commandId = this.acts.at(-1)?.commandId ?? "";
    FakeSocket.last?.push({ case: "refused", value: create(RefusedSchema, { commandId, sessionId: "s", refusal }) });
    await this.drawn();
  }

  /** Types into a field, which then has the focus. */
  async types(id: string, text: string): Promise<void> {
    const field = this.field(id);
    field.focus();
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    await this.drawn();
  }

  /** Returns a field by its id. */
  field(id: string): HTMLInputElement {
    const field = this.root.querySelector<HTMLInputElement>(`#${id}`);
    if (field === null) throw new Error(`There is no field ${id}.`);
    return field;
  }

  /** Presses a button by its label. */
  async press(words: string): Promise<void> {
    const button = [...this.root.querySelectorAll("button")].find((one) => one.textContent?.trim() === words);
    if (button === undefined) throw new Error(`There is no button ${words}.`);
    button.focus();
    button.click();
    await this.drawn();
  }
}
