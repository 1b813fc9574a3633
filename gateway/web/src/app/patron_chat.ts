/** A patron's one chat: the question, the wait, the conversation, the end. */
import { computed, effect, type ReadonlySignal, signal, untracked } from "@preact/signals";
import { ApiError, admitPatron, library as fetchLibrary } from "../api";
import type { Phase } from "../connection";
import type { Library } from "../gen/carrel/directory/v1/directory_service_pb";
import type { SessionEvent } from "../gen/carrel/session/v1/session_event_pb";
import { Audience, SessionState } from "../gen/carrel/session/v1/session_pb";
import { whyRefused } from "../refusal_words";
import { outgoingText } from "../state/conversation";
import { endSession, openSession, postMessage } from "../state/deeds";
import { type Outgoing, type SessionView, unread } from "../state/session";
import { type HeldToken, held } from "../token";
import { type Admission, recallAdmission } from "./admission";
import { Announcer } from "./announcer";
import { type Asking, firstWrong, NOTHING_ASKED, type WrongFields, wrongFields } from "./asking";
import { AvailabilityWatch } from "./availability";
import { Link } from "./link";
import { isByPatron, patronNews } from "./patron_news";
import { PatronSound } from "./patron_sound";
import { forget, remember } from "./tab_storage";
import { withTakenBack } from "./taking_back";

const EXPIRED = "The connection was lost for too long for your question to be taken. It is still here: send it again.";
const REJECTED =
  "Your question has not been taken. Send it again; if that does not help, copy it, reload this page and ask anew.";

/** What the page shows. */
export type Stage = "form" | "opening" | "returning" | "waiting" | "chatting" | "ended" | "lost";

/** The chat behind one patron page. */
export class PatronChat {
  readonly announcer = new Announcer();
  /** What calls the patron to the page. */
  readonly sound = new PatronSound();
  /** The form as it is filled in. */
  readonly asking = signal<Asking>(NOTHING_ASKED);
  /** The message as it is typed. */
  readonly draft = signal("");
  readonly #library = signal<Library | undefined>(undefined);
  readonly #error = signal("");
  readonly #wrong = signal<WrongFields>({});
  /** Which refused opening the form has been told of. */
  #told = "";
  readonly #busy = signal(false);
  readonly #cleared = signal(false);
  readonly #admission = signal<Admission | undefined>(undefined);
  readonly #key: string;
  readonly link: Link;

  /** The library. */
  readonly library: ReadonlySignal<Library | undefined> = this.#library;
  /** What went wrong with the library or the form, in words for the patron. */
  readonly error: ReadonlySignal<string> = this.#error;
  /** Which fields of the form are wrong, and why. */
  readonly wrong: ReadonlySignal<WrongFields> = this.#wrong;
  /** Whether the question is on its way. */
  readonly busy: ReadonlySignal<boolean> = this.#busy;
  /** Whether the page was cleared a moment ago. */
  readonly cleared: ReadonlySignal<boolean> = this.#cleared;
  /** The session, if there is one. */
  readonly view = computed<SessionView | undefined>(() => {
    const id = this.#admission.value?.sessionId;
    return id === undefined ? undefined : this.link.sessions.value.get(id);
  });
  /** What the page shows. */
  readonly stage = computed<Stage>(() => this.#stage());
  /** Whether somebody can answer now. Practice has no hours. */
  readonly availability: AvailabilityWatch;
  /** How many messages the patron has not seen. */
  readonly unread = computed(() => (this.view.value ? unread(this.view.value, isByPatron) : 0));

  /** `practice` is whether the page is for practice: its session waits in the library's practice queue (D36). */
  constructor(
    readonly institutionId: string,
    readonly practice: boolean,
  ) {
    this.#key = `carrel.${practice ? "practice" : "ask"}.${institutionId}`;
    this.link = new Link({
      ready: () => {},
      frame: () => this.#settle(),
      news: (_, event) => this.#news(event),
      token: (token) => this.#keep(token),
      tick: () => {},
    });
    const wanted = computed(() => !practice && (this.stage.value === "form" || this.stage.value === "waiting"));
    this.availability = new AvailabilityWatch(institutionId, wanted);
    effect(() => {
      const { phase } = this.link.connection.value;
      untracked(() => this.#settleConnection(phase.name));
    });
  }

  /** Reads the library, and returns to a session that this tab was in. */
  async begin(): Promise<void> {
    const admission = recallAdmission(this.#key);
    if (admission !== undefined) {
      this.#admission.value = admission;
      this.link.input(admission.sessionId, { kind: "attend" });
      this.link.start(admission.token);
    }
    await this.loadLibrary();
  }

  /** Reads what the page needs of the library. */
  async loadLibrary(): Promise<void> {
    try {
      const { library } = await fetchLibrary(this.institutionId);
      if (this.practice && library?.practice === false) {
        this.#error.value = `${library.name} has no practice queue. Nothing can be practised on this page.`;
        return;
      }
      this.#library.value = library;
      this.#error.value = "";
    } catch (error) {
      const unknown = error instanceof ApiError && error.status === 404;
      this.#error.value = unknown
        ? "There is no library with this address. Check the address, or choose your library from the list."
        : messageOf(error);
    }
  }

  /** Takes up what is typed into the form. A field that is changed is no longer marked. */
  fillIn(change: Partial<Asking>): void {
    this.asking.value = { ...this.asking.value, ...change };
    const wrong = { ...this.#wrong.value };
    for (const field of Object.keys(change) as (keyof Asking)[]) delete wrong[field];
    this.#wrong.value = wrong;
  }

  /** Marks fields of the form as wrong. */
  mark(wrong: WrongFields): void {
    this.#wrong.value = wrong;
  }

  /** Asks the question in the form. */
  async ask(): Promise<void> {
    if (this.#busy.value) return;
    this.#busy.value = true;
    this.#error.value = "";
    this.#wrong.value = {};
    this.#cleared.value = false;
    try {
      // A connection that was rejected takes nothing any more; a new one may be served by another gateway.
      if (this.link.connection.value.phase.name === "rejected") this.#dropAdmission();
      const admission = this.#admission.value ?? (await this.#admit());
      const { question, name, email } = this.asking.value;
      this.#discardFailed(admission.sessionId);
      this.link.act(admission.sessionId, openSession(question.trim(), name.trim(), email.trim()));
    } catch (error) {
      this.#error.value = messageOf(error);
      this.#busy.value = false;
    }
  }

  /** Sends the draft. */
  send(): void {
    const view = this.view.value;
    const text = this.draft.value;
    if (view === undefined || text.trim() === "") return;
    this.draft.value = "";
    this.link.act(view.sessionId, postMessage(text));
  }

  /** Takes a message that was refused back into the box, to be changed. */
  edit(outgoing: Outgoing): void {
    this.draft.value = withTakenBack(this.draft.value, outgoingText(outgoing) ?? "");
    const view = this.view.value;
    if (view !== undefined) this.link.input(view.sessionId, { kind: "discard", commandId: outgoing.commandId });
  }

  /** Tells the librarian that the patron is typing. */
  typing(): void {
    const view = this.view.value;
    if (view !== undefined) this.link.typing(view.sessionId, Audience.PATRON);
  }

  /** Ends the chat, or leaves the queue. */
  end(): void {
    const view = this.view.value;
    if (view !== undefined) this.link.act(view.sessionId, endSession());
  }

  /** Notes that the patron has looked at everything. */
  markSeen(): void {
    const view = this.view.value;
    if (view !== undefined && view.seen !== view.events.length) this.link.input(view.sessionId, { kind: "seen" });
  }

  /** Forgets this chat, for another question. Who asks stays, and so does what was typed and not sent. */
  askAnother(): void {
    const { patronName = "", patronEmail = "" } = this.view.value?.session ?? {};
    const question = this.draft.value;
    this.#reset();
    this.asking.value = { question, name: patronName, email: patronEmail };
  }

  /** Removes everything that the patron wrote or read from this browser. */
  clear(): void {
    this.#reset();
    this.#cleared.value = true;
    this.announcer.say("This page has been cleared.");
  }

  #stage(): Stage {
    const view = this.view.value;
    if (view === undefined) return "form";
    const phase = this.link.connection.value.phase.name;
    if (view.session?.state === SessionState.ENDED) return "ended";
    if (phase === "expired") return "lost";
    if (view.session === undefined) {
      if (view.outgoing.some((out) => out.status === "failed")) return "form";
      if (view.outgoing.length > 0 || this.#busy.value) return "opening";
      return view.refusal === undefined ? "returning" : "form";
    }
    return view.session.state === SessionState.WAITING ? "waiting" : "chatting";
  }

  async #admit(): Promise<Admission> {
    const { token, sessionId } = await admitPatron(this.institutionId, this.practice);
    if (token === undefined) throw new ApiError(0, undefined, "The server let nobody in. Try again in a minute.");
    const admission = { sessionId, token: held(token) };
    this.#admission.value = admission;
    remember(this.#key, admission);
    this.link.start(admission.token);
    return admission;
  }

  #keep(token: HeldToken): void {
    const admission = this.#admission.value;
    if (admission === undefined) return;
    this.#admission.value = { ...admission, token };
    remember(this.#key, this.#admission.value);
  }

  /** Draws what follows from a frame for the page as a whole. */
  #settle(): void {
    const view = this.view.value;
    if (view === undefined) return;
    const failed = view.outgoing.find((out) => out.status === "failed" && out.deed.case === "openSession");
    if (failed !== undefined && failed.commandId !== this.#told) {
      this.#told = failed.commandId;
      this.#busy.value = false;
      this.#wrong.value = wrongFields(failed.refusal);
      const isMarked = firstWrong(this.#wrong.value) !== undefined;
      this.#error.value = isMarked ? "" : whyRefused(failed.refusal) || "Your question was not taken. Try again.";
    }
    if (view.session !== undefined && this.#busy.value) {
      this.#busy.value = false;
      this.asking.value = NOTHING_ASKED;
    }
    const complete = view.events.at(-1)?.payload.case === "ended";
    const settled = !view.outgoing.some((out) => out.status === "sending");
    // Nothing can follow the end for a patron: there is no need of a connection.
    if (view.session?.state === SessionState.ENDED && complete && settled) this.link.stop();
  }

  /**
   * Takes the form back from a connection that does not come back by itself: what was on its way there stays on its way
   * for ever. Whether to ask all the same is for the patron to say, who may have been away for hours; they are let in anew
   * then.
   */
  #settleConnection(phase: Phase["name"]): void {
    if (this.view.value?.session !== undefined) return;
    const isOnItsWay = this.#busy.value && this.#admission.value !== undefined;
    if (phase !== "expired" && !(phase === "rejected" && isOnItsWay)) return;
    if (isOnItsWay) {
      this.#busy.value = false;
      this.#error.value = phase === "expired" ? EXPIRED : REJECTED;
    }
    this.#dropAdmission();
  }

  #dropAdmission(): void {
    this.link.forget();
    forget(this.#key);
    this.#admission.value = undefined;
  }

  #discardFailed(sessionId: string): void {
    for (const out of this.view.value?.outgoing ?? []) {
      if (out.status === "failed") this.link.input(sessionId, { kind: "discard", commandId: out.commandId });
    }
  }

  #news(event: SessionEvent): void {
    if (!isByPatron(event)) this.sound.ring(event);
    const text = patronNews(event, this.view.value?.events ?? []);
    if (text !== undefined) this.announcer.say(text);
  }

  #reset(): void {
    this.link.stop();
    this.#dropAdmission();
    this.#error.value = "";
    this.#wrong.value = {};
    this.#busy.value = false;
    this.#cleared.value = false;
    this.draft.value = "";
    this.asking.value = NOTHING_ASKED;
  }
}

function messageOf(error: unknown): string {
  return error instanceof ApiError ? error.message : "Something went wrong on this page. Reload it, then try again.";
}
