/** A patron's chat: the question, the wait, the conversation and the end. */
import { computed, effect, type ReadonlySignal, signal, untracked } from "@preact/signals";
import { ApiError, admitPatron } from "../../api";
import type { Phase } from "../../connection";
import type { Refusal } from "../../gen/carrel/refusal/v1/refusal_pb";
import type { SessionEvent } from "../../gen/carrel/session/v1/session_event_pb";
import { Audience, type Session, SessionState } from "../../gen/carrel/session/v1/session_pb";
import { isWrong } from "../../refusal_words";
import { outgoingText } from "../../state/conversation";
import { endSession, openSession, postMessage } from "../../state/deeds";
import { isOnItsWay, type Outgoing, type SessionView, unread } from "../../state/session";
import { StatusCode } from "../../status_code";
import { language, texts, type Words } from "../../texts/texts";
import { milliseconds } from "../../time";
import { held } from "../../token";
import { nothingHappened } from "../../wire";
import { Announcer } from "../parts/announcer";
import { Link } from "../parts/link";
import { withTakenBack } from "../parts/taking_back";
import { type Admission, HeldAdmission } from "./admission";
import { type Asking, firstWrong, NOTHING_ASKED, type WrongFields, wrongFields } from "./asking";
import { AvailabilityWatch } from "./availability";
import { ChatMemory } from "./chat_memory";
import { ChatReturn } from "./chat_return";
import { isLeft, leaveChat } from "./left_chats";
import { PatronLibrary } from "./library";
import { isByPatron, patronNews } from "./news";
import { PageLanguage } from "./page_language";
import { PatronSound } from "./sound";
import { type Stage, stageOf } from "./stage";
import { isUnopened, whyNotTaken } from "./turned_away";

/** What a patron's last event is once the session is over: its end, or that something of it was erased since (R20). */
const END_OR_ERASED = new Set<SessionEvent["payload"]["case"]>(["ended", "identityErased", "erased"]);

/** The state and actions behind one patron page. */
export class PatronChat {
  readonly announcer = new Announcer();
  /** The sounds that call the patron to the page. */
  readonly sound = new PatronSound();
  /** The form as it is filled in. */
  readonly asking = signal<Asking>(NOTHING_ASKED);
  /** The message as it is typed. */
  readonly draft = signal("");
  readonly #error = signal<Words | undefined>(undefined);
  readonly #wrong = signal<WrongFields>({});
  /** The command id of the refused question that the form has already handled. */
  #told = "";
  /** The question in the form when it was asked in a session that may already be open with another question. */
  #askedTwice: string | undefined;
  readonly #busy = signal(false);
  readonly #cleared = signal(false);
  readonly #admission: HeldAdmission;
  readonly link: Link;
  /** What the browser remembers of the library's chats beyond their tabs. */
  readonly memory: ChatMemory;
  /** The way back into the chat that this tab was in, or that the browser remembers. */
  readonly returning: ChatReturn;

  /** The language that the patron reads. */
  readonly language: PageLanguage;
  /** The library. */
  readonly library: PatronLibrary;
  /** What went wrong with the form, in words for the patron; empty if nothing did. */
  readonly error: ReadonlySignal<string> = computed(() => this.#error.value?.() ?? "");
  /** Which fields of the form are wrong, and why. */
  readonly wrong: ReadonlySignal<WrongFields> = this.#wrong;
  /** Whether the question is on its way. */
  readonly busy: ReadonlySignal<boolean> = this.#busy;
  /** Whether the page was cleared and nothing was asked since. */
  readonly cleared: ReadonlySignal<boolean> = this.#cleared;
  /** The session, if there is one. */
  readonly view = computed<SessionView | undefined>(() => {
    const id = this.#admission.current.value?.sessionId;
    return id === undefined ? undefined : this.link.sessions.value.get(id);
  });
  /** The stage that the page shows. */
  readonly stage = computed<Stage>(() =>
    stageOf(this.view.value, this.link.connection.value.phase.name, this.#busy.value, this.memory.isOffering.value),
  );
  /** Whether the end of the chat is on its way. */
  readonly ending = computed(() => isOnItsWay(this.view.value, "endSession"));
  /** The refused command to end the chat, if there is one, until it is retried. */
  readonly refusedEnd = computed(() =>
    this.view.value?.outgoing.find((out) => out.deed.case === "endSession" && out.status === "failed"),
  );
  /** Whether somebody can answer now. Practice has no hours. */
  readonly availability: AvailabilityWatch;
  /** What is typed and not sent: the message, after the question if no session has taken that. */
  readonly unsent = computed(() => this.returning.unsent.value);
  /** How many messages the patron has not seen. */
  readonly unread = computed(() => (this.view.value ? unread(this.view.value, isByPatron) : 0));

  /** `practice` is whether the page is for practice: its session waits in the library's practice queue (D36). */
  constructor(
    readonly institutionId: string,
    readonly practice: boolean,
  ) {
    const name = `${practice ? "practice" : "ask"}.${institutionId}`;
    this.memory = new ChatMemory(name, () => this.#followOthers());
    this.#admission = new HeldAdmission(`carrel.${name}`, this.memory);
    this.language = new PageLanguage(name);
    this.library = new PatronLibrary(institutionId, practice, this.language);
    this.link = new Link({
      ready: () => {
        // The library could not be read while the server was unreachable.
        if (this.library.facts.value === undefined) void this.library.read();
      },
      frame: () => this.#settle(),
      news: (_, event) => this.#news(event),
      token: (token) => this.#admission.change({ token }),
      tick: () => {
        this.#admission.tick();
        void this.memory.tick();
      },
    });
    this.returning = new ChatReturn(name, this.link, this.#admission, this.memory, this);
    const wanted = computed(() => !practice && (this.stage.value === "form" || this.stage.value === "waiting"));
    this.availability = new AvailabilityWatch(institutionId, wanted);
    effect(() => {
      const { phase } = this.link.connection.value;
      untracked(() => this.#settleConnection(phase.name));
    });
    effect(() => {
      const facts = this.library.facts.value;
      if (facts !== undefined) untracked(() => this.#settleMemory(facts.rememberChats));
    });
  }

  /** Reads the library, and returns to a session that this tab was in. */
  async begin(): Promise<void> {
    this.returning.begin(this.stage);
    void this.language.begin();
    await this.library.read();
  }

  /** Leaves the chat that the browser remembers and offers, for another question. */
  startAnew(sessionId: string): void {
    void this.memory.decline(sessionId);
  }

  /** Applies a change to the form. A field that is changed is no longer marked as wrong. */
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
    this.#error.value = undefined;
    this.#wrong.value = {};
    this.#cleared.value = false;
    this.returning.clear();
    this.#askedTwice = undefined;
    const inDoubt = this.view.value?.outgoing.find(isOpeningInDoubt);
    if (inDoubt !== undefined) return this.#askAgain(inDoubt);
    try {
      // A rejected connection accepts nothing more; a new one may be served by another gateway.
      if (this.link.connection.value.phase.name === "rejected") this.#dropAdmission();
      const admission = this.#admission.current.value ?? (await this.#admit());
      this.#open(admission.sessionId);
    } catch (error) {
      this.#error.value = () => messageOf(error);
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

  /** Moves a refused message back into the box, to be changed. */
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
    if (view === undefined || this.ending.value) return;
    const refused = this.refusedEnd.value;
    // Retry the same command: it may have been done all the same.
    if (refused !== undefined) this.link.input(view.sessionId, { kind: "retry", commandId: refused.commandId });
    else this.link.act(view.sessionId, endSession());
  }

  /** Notes that the patron has looked at everything. */
  markSeen(): void {
    const view = this.view.value;
    // After a reload, what was read before it is not here yet.
    if (view === undefined || view.seen >= view.events.length) return;
    this.link.input(view.sessionId, { kind: "seen" });
    // Messages that were read before a reload are not new after it.
    this.#admission.change({ seen: view.events.length });
  }

  /**
   * Forgets this chat, for another question. The patron's name and address stay, and what was typed and not sent. A
   * chat that the page does not get back to is given up.
   */
  askAnother(): void {
    const { name, email } = this.asking.value;
    const { patronName = name, patronEmail = email } = this.view.value?.session ?? {};
    const question = this.unsent.value;
    if (this.stage.value === "returning") this.returning.giveUp();
    this.#reset();
    this.asking.value = { question, name: patronName, email: patronEmail };
  }

  /** Removes everything that the patron wrote or read from this browser, also from other tabs that are in this chat. */
  clear(): void {
    const admission = this.#admission.current.value;
    if (admission !== undefined) leaveChat(admission.sessionId, admission.token.renewUntil);
    this.#reset();
    this.#cleared.value = true;
    this.language.forget();
    this.announcer.say(texts().page.cleared);
  }

  /** Clears this page as well when its chat was left from another tab. */
  #followOthers(): void {
    const admission = this.#admission.current.value;
    if (admission !== undefined && isLeft(admission.sessionId)) this.clear();
  }

  /** Handles that the library has said whether chats may be remembered. A tab without a chat is offered one. */
  #settleMemory(isAllowed: boolean): void {
    this.memory.allow(isAllowed);
    if (this.#admission.current.value === undefined) this.memory.look();
  }

  async #admit(): Promise<Admission> {
    const { token, sessionId } = await admitPatron(this.institutionId, this.practice);
    if (token === undefined) throw new NotLetIn();
    const admission = { sessionId, token: held(token) };
    this.#admission.hold(admission);
    this.link.start(admission.token);
    return admission;
  }

  /** Updates the page as a whole after a frame. */
  #settle(): void {
    const view = this.view.value;
    if (view === undefined) return;
    if (view.session === undefined) this.#settleOpening(view);
    else this.#settleSession(view, view.session);
  }

  /** Sends what is in the form. */
  #open(sessionId: string): void {
    const { question, name, email } = this.asking.value;
    this.#discardFailed(sessionId);
    this.link.act(sessionId, openSession(question.trim(), name.trim(), email.trim(), language.value));
  }

  /** Whether what was sent is what is now in the form. */
  #isAsked({ deed }: Outgoing): boolean {
    if (deed.case !== "openSession") return false;
    const { question, name, email } = this.asking.value;
    const { question: asked, patronName, patronEmail } = deed.value;
    return asked === question.trim() && patronName === name.trim() && patronEmail === email.trim();
  }

  /**
   * Retries a question of unknown outcome as the same command. Anything else might leave a session waiting with nobody
   * in it. If the form has changed meanwhile, its content follows after that.
   */
  #askAgain({ commandId }: Outgoing): void {
    const admission = this.#admission.current.value;
    if (admission === undefined) return;
    this.#told = "";
    this.#askedTwice = this.asking.value.question.trim();
    this.link.input(admission.sessionId, { kind: "retry", commandId });
    // What was in flight on a rejected connection is resent automatically on a new one.
    if (this.link.connection.value.phase.name === "rejected") this.link.start(admission.token);
  }

  /** Handles that the question was refused, or the return to its session. */
  #settleOpening(view: SessionView): void {
    const failed = view.outgoing.find((out) => out.status === "failed" && out.deed.case === "openSession");
    if (failed === undefined) {
      if (view.refusal !== undefined && view.outgoing.length === 0) this.#turnAway(view.sessionId, view.refusal);
      return;
    }
    if (failed.commandId === this.#told) return;
    this.#told = failed.commandId;
    if (failed.refusal?.reason === "ALREADY_OPEN") {
      // A question sent before a reload got through after all: its session is where the patron waits.
      this.#askedTwice = this.asking.value.question.trim();
      this.#discardFailed(view.sessionId);
      this.link.input(view.sessionId, { kind: "attend" });
      return;
    }
    // The form has changed: sending it opens the same session or none, whatever became of the earlier question.
    if (this.#busy.value && !this.#isAsked(failed)) return this.#open(view.sessionId);
    this.#busy.value = false;
    this.#wrong.value = wrongFields(failed.refusal);
    const isMarked = firstWrong(this.#wrong.value) !== undefined;
    this.#error.value = isMarked ? undefined : () => whyNotTaken(failed.refusal);
    if (isOpeningInDoubt(failed)) return;
    // Invalid fields can be corrected in the form. Any other refusal needs a new admission.
    if (!isWrong(failed.refusal) && failed.refusal?.code !== StatusCode.RESOURCE_EXHAUSTED) this.#dropAdmission();
  }

  #settleSession(view: SessionView, session: Session): void {
    this.returning.arrived(session.state);
    if (this.#busy.value) {
      this.#busy.value = false;
      this.asking.value = NOTHING_ASKED;
    }
    if (this.#askedTwice !== undefined && this.#askedTwice !== session.question) {
      this.draft.value = withTakenBack(this.draft.value, this.#askedTwice);
    }
    this.#askedTwice = undefined;
    if (this.#admission.current.value?.taken !== true) this.#admission.change({ taken: true });
    // A patron who may no longer take part must not be kept waiting.
    if (view.refusal !== undefined) return this.#loseSession(view);
    const openSince = session.state === SessionState.ENDED ? undefined : milliseconds(session.openTime);
    if (this.#admission.current.value?.openSince !== openSince) this.#admission.change({ openSince });
    // Nothing can be sent any more, so what was refused goes into the box. What may have been sent stays and says so.
    if (session.state === SessionState.ENDED) this.#takeBack(view, isRefused);
    const complete = END_OR_ERASED.has(view.events.at(-1)?.payload.case);
    const settled = !view.outgoing.some((out) => out.status === "sending");
    // For a patron nothing can follow the end, so no connection is needed.
    if (session.state === SessionState.ENDED && complete && settled) this.link.stop();
  }

  /** Handles that the patron may not return to their chat. */
  #turnAway(sessionId: string, refusal: Refusal): void {
    const taken = this.#admission.current.value?.taken ?? false;
    this.#busy.value = false;
    this.returning.turnAway(refusal);
    // The question may still be in flight from before the reload: asking again in the same session finds it.
    if (isUnopened(refusal, taken)) this.link.release(sessionId);
    else this.#leaveSession();
  }

  /**
   * Frees the form when the connection will not come back by itself, so that what was in flight stays so for ever. The
   * patron, who may have been away for hours, decides whether to ask all the same. If their admission has expired they
   * are then admitted anew; otherwise they go on where they were.
   */
  #settleConnection(phase: Phase["name"]): void {
    const view = this.view.value;
    if (view?.session !== undefined) {
      if (phase === "expired") this.#loseSession(view);
      return;
    }
    const isOnItsWay = this.#busy.value && this.#admission.current.value !== undefined;
    if (phase === "rejected" && isOnItsWay) {
      this.#busy.value = false;
      this.#error.value = () => texts().turnedAway.perhapsTakenAsItIs;
    }
    if (phase !== "expired") return;
    if (isOnItsWay) {
      this.#busy.value = false;
      this.#error.value = () => texts().turnedAway.notTakenInTime;
    } else if (this.stage.value === "returning") {
      this.returning.expire();
    }
    this.#dropAdmission();
  }

  /**
   * Turns unconfirmed messages, which can no longer be sent, back into the draft. The rest stays readable in this tab.
   */
  #loseSession(view: SessionView): void {
    this.#admission.change({ openSince: undefined });
    this.#takeBack(view, ({ status }) => status !== "sent");
  }

  /** Turns the messages for which `holds` is true back into the draft. */
  #takeBack({ outgoing }: SessionView, holds: (out: Outgoing) => boolean): void {
    for (const out of [...outgoing].reverse()) {
      if (out.deed.case === "postMessage" && holds(out)) this.edit(out);
    }
  }

  #leaveSession(): void {
    this.link.stop();
    this.#dropAdmission();
  }

  #dropAdmission(): void {
    this.link.forget();
    this.#admission.drop();
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
    this.#leaveSession();
    this.announcer.clear();
    this.returning.clear();
    this.#error.value = undefined;
    this.#wrong.value = {};
    this.#busy.value = false;
    this.#cleared.value = false;
    this.draft.value = "";
    this.asking.value = NOTHING_ASKED;
  }
}

/** Whether an act failed and certainly was not done. */
function isRefused({ status, refusal }: Outgoing): boolean {
  return status === "failed" && nothingHappened(refusal);
}

/** Whether an act is a question that is unanswered, or that failed with its outcome unknown. */
function isOpeningInDoubt({ deed, status, refusal }: Outgoing): boolean {
  return deed.case === "openSession" && (status === "sending" || (status === "failed" && !nothingHappened(refusal)));
}

/** The server answered without letting the patron in. */
class NotLetIn extends Error {}

function messageOf(error: unknown): string {
  const { notLetIn, brokenTryAgain } = texts().page;
  if (error instanceof NotLetIn) return notLetIn;
  return error instanceof ApiError ? error.message : brokenTryAgain;
}
