/** A librarian's chat monitor: log-in, lists, sessions in hand, conference mode. */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { ApiError, logIn, serverNow } from "../api";
import { type Profile, Role } from "../gen/carrel/directory/v1/directory_service_pb";
import type { Refused, ServerFrame } from "../gen/carrel/gateway/v1/frames_pb";
import type { Refusal } from "../gen/carrel/refusal/v1/refusal_pb";
import type { SessionEvent } from "../gen/carrel/session/v1/session_event_pb";
import { Audience, Part, SessionState } from "../gen/carrel/session/v1/session_pb";
import { SessionList, type SessionRow } from "../gen/carrel/session/v1/session_service_pb";
import { endSession, enterConference, leaveConference, pickUp, postMessage, pushPage, writeNote } from "../state/deeds";
import { noteInDoubt } from "../state/guard";
import { expireDepartures, type Lists, noLists, reduceLists, rowsOf } from "../state/lists";
import { type SessionView, unknownSession, unread } from "../state/session";
import { type HeldToken, held } from "../token";
import { type Deed, nothingHappened } from "../wire";
import { nameOf } from "../words";
import { Announcer } from "./announcer";
import { forgetDesk, recallDesk, rememberDesk } from "./desk_storage";
import { type Draft, Drafts } from "./drafts";
import { Link } from "./link";
import { type Notice, Notices } from "./notices";
import { guard } from "./settings";

/** Who is at the desk: nobody, somebody, or somebody whose log-in has run out. */
export type LogInState = "out" | "in" | "again";
/** A list of the Patron Chat tab. */
export type ListName = "new" | "mine" | "all";
/** A tab of the desk. */
export type DeskTab = "chat" | "transcripts" | "audit";
/** A question that the desk asks, and that must be answered before anything else. */
export type Asked =
  | { kind: "warning"; row: SessionRow }
  | { kind: "question"; row: SessionRow }
  | { kind: "end"; sessionId: string }
  | { kind: "guard"; sessionId: string; note: number }
  | { kind: "log-out" }
  | { kind: "queues" }
  | { kind: "shortcuts" };
/** A box to write in. */
export type Box = "patron" | "note";

const WATCH_PAUSE = 2_000;

/** The desk behind one chat monitor. */
export class Desk {
  readonly announcer = new Announcer();
  readonly drafts = new Drafts();
  readonly link: Link;
  readonly #logInState = signal<LogInState>("out");
  readonly #profile = signal<Profile | undefined>(undefined);
  readonly #lists = signal<Lists>(noLists);
  readonly #queueIds = signal<readonly string[] | undefined>(undefined);
  readonly #selected = signal<string | undefined>(undefined);
  readonly #asked = signal<Asked | undefined>(undefined);
  readonly #wantsFocus = signal<Box | undefined>(undefined);
  #accessToken: HeldToken | undefined;
  #logInName = "";
  #watchAt: number | undefined;
  /** What the commands are that take the user somewhere, until they are answered. */
  readonly #commands = new Map<string, Deed["case"]>();
  /** The sessions that were picked up, until the end of attending them as a supervisor was seen. */
  readonly #taken = new Set<string>();
  /** Notes about which the guard has asked already. */
  readonly #guarded = new Map<string, number>();

  /** Which tab is shown. */
  readonly tab = signal<DeskTab>("chat");
  /** Which list is shown. */
  readonly list = signal<ListName>("new");
  /** Which box is shown where there is room for only one. */
  readonly box = signal<Box>("patron");
  /** Who is at the desk. */
  readonly logInState: ReadonlySignal<LogInState> = this.#logInState;
  /** The librarian. */
  readonly profile: ReadonlySignal<Profile | undefined> = this.#profile;
  /** The lists. */
  readonly lists: ReadonlySignal<Lists> = this.#lists;
  /** The queues that are watched, or nothing before the librarian has chosen. */
  readonly queueIds: ReadonlySignal<readonly string[] | undefined> = this.#queueIds;
  /** What the desk asks. */
  readonly asked: ReadonlySignal<Asked | undefined> = this.#asked;
  /** What the desk has to say. */
  readonly notices = new Notices();
  /** The box that the focus is to go to. */
  readonly wantsFocus: ReadonlySignal<Box | undefined> = this.#wantsFocus;
  /** The session that is shown. */
  readonly view = computed<SessionView | undefined>(() => {
    const id = this.#selected.value;
    return id === undefined ? undefined : this.link.sessions.value.get(id);
  });
  /** Whether the librarian may enter sessions of others. */
  readonly maySupervise = computed(() => (this.#profile.value?.role ?? 0) >= Role.ASK_ADMINISTRATOR);
  /** The sessions in hand that have ended and were not put away yet. */
  readonly ended = computed(() =>
    [...this.link.sessions.value.values()].filter((view) => view.session?.state === SessionState.ENDED),
  );
  /** How much is new to the librarian: waiting patrons and unread sessions. */
  readonly attention = computed(
    () =>
      rowsOf(this.#lists.value, SessionList.NEW).length +
      [...this.link.sessions.value.values()].filter((view) => this.unread(view) > 0).length,
  );

  constructor() {
    this.link = new Link({
      ready: () => this.#watch(),
      frame: (frame) => this.#frame(frame),
      news: (sessionId, event) => this.#news(sessionId, event),
      token: (token) => {
        this.#accessToken = token;
        this.#store();
      },
      tick: () => this.#tick(),
    });
  }

  /** Returns to where this tab was before a reload. */
  begin(): void {
    const stored = recallDesk();
    if (stored === undefined) return;
    this.#accessToken = stored.token;
    this.#queueIds.value = stored.queueIds;
    this.#logInState.value = "in";
    for (const sessionId of stored.held) this.#hold(sessionId, stored.seen[sessionId]);
    this.link.start(stored.token);
  }

  /** Logs in, and says what went wrong if it did. */
  async logIn(name: string, password: string): Promise<string | undefined> {
    try {
      const { token, profile } = await logIn(name, password);
      if (token === undefined || profile === undefined) return "The server's answer was not complete. Try again.";
      if (this.#profile.value?.librarianId !== profile.librarianId) this.#clear();
      this.#logInName = name;
      this.#profile.value = profile;
      this.#logInState.value = "in";
      this.#accessToken = held(token);
      this.#store();
      this.link.start(this.#accessToken);
      return undefined;
    } catch (error) {
      if (!(error instanceof ApiError)) return "Something went wrong. Reload this page, then try again.";
      return error.reason === "WRONG_CREDENTIALS" ? `${error.message} Check both, then try again.` : error.message;
    }
  }

  /** The name that was last logged in with on this page. */
  get logInName(): string {
    return this.#logInName;
  }

  /** The token for a request of its own. */
  get accessToken(): string {
    return this.#accessToken?.accessToken ?? "";
  }

  /** Leaves the desk. Sessions in hand go on. */
  logOut(): void {
    this.link.stop();
    this.#clear();
    forgetDesk();
    this.#accessToken = undefined;
    this.#profile.value = undefined;
    this.#logInState.value = "out";
  }

  /** Watches these queues from now on. */
  chooseQueues(queueIds: readonly string[]): void {
    this.#queueIds.value = queueIds;
    this.#asked.value = undefined;
    this.#store();
    this.#watch();
  }

  /** Puts a question to the user. */
  ask(asked: Asked): void {
    this.#asked.value = asked;
  }

  /** Takes the question back: nothing happens. */
  cancel(): void {
    this.#asked.value = undefined;
  }

  /** Shows a session that is in hand. */
  select(sessionId: string, focus?: Box): void {
    this.#selected.value = sessionId;
    if (focus !== undefined) this.focus(focus);
  }

  /** Shows the lists again where there is room for only one thing. */
  unselect(): void {
    this.#selected.value = undefined;
  }

  /** Takes the focus to a box. */
  focus(box: Box): void {
    this.box.value = box;
    this.#wantsFocus.value = box;
  }

  /** Says that the focus is where it was wanted. */
  focused(): void {
    this.#wantsFocus.value = undefined;
  }

  /** Picks a waiting patron up. */
  pickUp(sessionId: string): void {
    const view = this.link.sessions.value.get(sessionId);
    if (view?.outgoing.some((out) => out.deed.case === "pickUp" && out.status === "sending")) return;
    this.#command(sessionId, pickUp());
  }

  /** Whether a patron is being picked up by this user. */
  isPickingUp(sessionId: string): boolean {
    const view = this.link.sessions.value.get(sessionId);
    return view?.outgoing.some((out) => out.deed.case === "pickUp") ?? false;
  }

  /** Opens a row of All: shows it if the user is inside on this page, else the warning first (S9). */
  openFromAll(row: SessionRow): void {
    if (this.link.sessions.value.get(row.sessionId)?.wanted) this.select(row.sessionId, "note");
    else this.ask({ kind: "warning", row });
  }

  /** Enters conference mode; the user has accepted the warning that was shown (S10). */
  enter(row: SessionRow): void {
    this.#asked.value = undefined;
    this.#command(row.sessionId, enterConference(this.#profile.value?.conferenceWarning?.version ?? ""));
  }

  /** Leaves conference mode. Nobody else notices, and nobody is disconnected (S14 to S16). */
  leave(sessionId: string): void {
    this.#command(sessionId, leaveConference());
  }

  /** Ends a session for everyone. */
  end(sessionId: string): void {
    this.#asked.value = undefined;
    this.#command(sessionId, endSession());
  }

  /** Puts an ended session away. */
  dismiss(sessionId: string): void {
    if (this.#selected.value === sessionId) this.#selected.value = undefined;
    this.link.release(sessionId);
    this.drafts.drop(sessionId);
    this.#store();
  }

  /** Sends what is in the patron's box, unless it may be meant as a note: then the desk asks first (R10). */
  sendToPatron(sessionId: string, asked = false): void {
    const view = this.link.sessions.value.get(sessionId);
    const draft = this.drafts.of(sessionId);
    if (view === undefined || draft.patron.trim() === "") return;
    if (!asked && guard.value) {
      const note = noteInDoubt(view.events, this.isOwn, draft.begun, serverNow());
      if (note !== undefined && this.#guarded.get(sessionId) !== note) {
        this.#guarded.set(sessionId, note);
        return this.ask({ kind: "guard", sessionId, note });
      }
    }
    this.#asked.value = undefined;
    this.drafts.change(sessionId, { patron: "" });
    this.link.act(sessionId, postMessage(draft.patron));
  }

  /** Sends what is in the patron's box as a note. */
  sendAsNote(sessionId: string): void {
    const { patron } = this.drafts.of(sessionId);
    this.#asked.value = undefined;
    this.drafts.change(sessionId, { patron: "" });
    this.link.act(sessionId, writeNote(patron));
  }

  /** Sends what is in the Notes box. */
  sendNote(sessionId: string): void {
    const { note } = this.drafts.of(sessionId);
    if (note.trim() === "") return;
    this.drafts.change(sessionId, { note: "" });
    this.link.act(sessionId, writeNote(note));
  }

  /** Sends a web page's address to the patron. */
  sendPage(sessionId: string, address: string): void {
    this.link.act(sessionId, pushPage(address));
  }

  /** Keeps what is typed, and lets the others know that something is. */
  type(sessionId: string, change: Partial<Pick<Draft, "patron" | "note">>): void {
    this.drafts.change(sessionId, change, serverNow());
    if (change.patron) this.link.typing(sessionId, Audience.PATRON);
    if (change.note) this.link.typing(sessionId, Audience.STAFF);
  }

  /** Whether the user did it. */
  readonly isOwn = (event: SessionEvent): boolean => {
    const id = this.#profile.value?.librarianId;
    return id !== undefined && id !== "" && event.author?.librarianId === id;
  };

  /** How many events of a session the user has not seen. */
  unread(view: SessionView): number {
    return unread(view, this.isOwn);
  }

  /** Notes that the user has looked at the session that is shown. */
  markSeen(): void {
    const view = this.view.value;
    if (view === undefined || view.seen === view.events.length) return;
    this.link.input(view.sessionId, { kind: "seen" });
    this.#store();
  }

  /** Shows a short word. */
  notify(text: string, tone: Notice["tone"] = "plain"): void {
    this.notices.add(text, tone, Date.now());
    this.announcer.say(text);
  }

  /** Does something after which the user goes elsewhere, or hears why not. */
  #command(sessionId: string, deed: Deed): void {
    this.#commands.set(this.link.act(sessionId, deed), deed.case);
  }

  #watch(): void {
    this.#watchAt = undefined;
    const queueIds = [...(this.#queueIds.value ?? [])];
    this.link.send({ case: "watch", value: { queueIds, all: this.maySupervise.value } });
  }

  #frame({ frame }: ServerFrame): void {
    switch (frame.case) {
      case "welcome":
        this.#profile.value = frame.value.profile ?? this.#profile.value;
        if (this.#queueIds.value === undefined) this.ask({ kind: "queues" });
        return;
      case "lists":
        this.#lists.value = reduceLists(this.#lists.value, frame.value, Date.now());
        this.#takeMine();
        return;
      case "accepted":
        return this.#accepted(frame.value.sessionId, frame.value.commandId);
      case "refused":
        return this.#refused(frame.value);
      case "detached":
        return this.#detached(frame.value.sessionId, frame.value.refusal);
      default:
        return;
    }
  }

  /** Takes part in every session that the user owns. */
  #takeMine(): void {
    const seen = recallDesk()?.seen ?? {};
    for (const row of rowsOf(this.#lists.value, SessionList.MY_ACTIVE)) this.#hold(row.sessionId, seen[row.sessionId]);
  }

  #hold(sessionId: string, seen = 0): void {
    const view = this.link.sessions.value.get(sessionId);
    if (view?.wanted || view?.outgoing.some((out) => out.deed.case === "pickUp")) return;
    this.link.hold(unknownSession(sessionId, seen));
    this.link.input(sessionId, { kind: "attend" });
  }

  /** The sessions have taken the answer up already; what is left is where the user goes next. */
  #accepted(sessionId: string, commandId: string): void {
    if (this.#commands.get(commandId) === "pickUp") {
      this.#taken.add(sessionId);
      this.#goTo(sessionId, "mine", "patron");
    }
    if (this.#commands.get(commandId) === "enterConference") this.#goTo(sessionId, "all", "note");
    if (this.#commands.get(commandId) === "leaveConference") this.#left(sessionId);
    this.#commands.delete(commandId);
  }

  #refused({ commandId, sessionId, refusal }: Refused): void {
    if (refusal === undefined) return;
    if (commandId === "") {
      if (refusal.metadata.request === "watch") this.#watchRefused(refusal);
      return;
    }
    const deed = this.#commands.get(commandId);
    if (deed === undefined || !nothingHappened(refusal)) return;
    this.#commands.delete(commandId);
    const winner = refusal.metadata.picked_up_by;
    const text =
      refusal.reason === "ALREADY_PICKED_UP" && winner ? `${winner} picked this patron up.` : refusal.message;
    this.notify(text, refusal.reason === "ALREADY_PICKED_UP" ? "plain" : "bad");
    this.link.input(sessionId, { kind: "discard", commandId });
    if (deed !== "endSession" && !this.link.sessions.value.get(sessionId)?.wanted) this.link.release(sessionId);
  }

  #watchRefused(refusal: Refusal): void {
    if (!nothingHappened(refusal) || refusal.code === 8 || refusal.code === 16) {
      this.#watchAt = Date.now() + (refusal.retryAfterMs || WATCH_PAUSE);
      return;
    }
    this.#queueIds.value = undefined;
    this.notify(`${refusal.message} Choose your queues again.`, "bad");
    this.ask({ kind: "queues" });
  }

  #detached(sessionId: string, refusal: Refusal | undefined): void {
    const view = this.link.sessions.value.get(sessionId);
    if (view === undefined || view.wanted || refusal === undefined) return;
    // Who leaves is sent away, and hears of it by the answer to their own command.
    if (view.outgoing.some((out) => out.deed.case === "leaveConference")) return;
    const wasInside = view.part === Part.COLLEAGUE || view.session === undefined;
    if (refusal.reason === "NOT_INSIDE" && this.#takesOver(view)) {
      this.link.input(sessionId, { kind: "attend" });
    } else if (refusal.reason === "NOT_FOUND" && view.session?.state !== SessionState.ENDED) {
      this.#lost(view);
    } else if (refusal.reason === "NOT_INSIDE" && wasInside) {
      this.notify("You are no longer in conference mode. Choose the session in All to enter again.");
      this.#left(sessionId);
    } else if (view.session === undefined) {
      this.link.release(sessionId);
      this.#store();
    }
  }

  /** Whether a supervisor is becoming the owner: for that they leave conference mode, and stay. */
  #takesOver(view: SessionView): boolean {
    const taken = this.#taken.delete(view.sessionId);
    return view.part === Part.COLLEAGUE && (taken || this.isPickingUp(view.sessionId) || this.#owns(view));
  }

  #owns({ session }: SessionView): boolean {
    const id = this.#profile.value?.librarianId;
    return id !== undefined && id !== "" && session?.owner?.librarianId === id;
  }

  /** Says that a session went on without the user while they were away. What they wrote meanwhile is theirs again. */
  #lost(view: SessionView): void {
    const unsent = view.outgoing.flatMap(({ deed }) => (deed.case === "postMessage" ? [deed.value.text] : []));
    if (unsent.length > 0) {
      const { patron } = this.drafts.of(view.sessionId);
      this.drafts.change(view.sessionId, { patron: [...unsent, patron].join("\n").trim() }, serverNow());
    }
    const patron = view.session?.patronName;
    const which = view.session ? `Your session with ${patron || "a patron"}` : "A session that was on your desk";
    this.notify(
      `${which} is no longer yours: your connection was gone for too long. If the patron still waits, you find them under New.`,
      "bad",
    );
    this.#left(view.sessionId);
  }

  #left(sessionId: string): void {
    if (this.#selected.value === sessionId) this.#selected.value = undefined;
    this.link.release(sessionId);
    this.#store();
  }

  #goTo(sessionId: string, list: ListName, box: Box): void {
    this.list.value = list;
    this.tab.value = "chat";
    this.select(sessionId, box);
    this.#store();
  }

  #news(sessionId: string, event: SessionEvent): void {
    if (this.isOwn(event)) return;
    const name = nameOf(event.author);
    const patron = this.link.sessions.value.get(sessionId)?.session?.patronName || "the patron";
    const where = sessionId === this.#selected.value ? "" : ` In the session with ${patron}.`;
    switch (event.payload.case) {
      case "message":
        return this.announcer.say(`${name}: ${event.payload.value.text}${where}`);
      case "note":
        return this.announcer.say(`Note, staff only, from ${name}: ${event.payload.value.text}${where}`);
      case "page":
        return this.announcer.say(`${name} sent a web page: ${event.payload.value.host}${where}`);
      case "colleagueLeft":
        return this.announcer.say(`${name} left the session.${where}`);
      case "returned":
        return this.announcer.say(`${name}'s connection was lost; ${patron} waits again. You can take over.${where}`);
      case "pickedUp":
        return this.announcer.say(`${name} picked ${patron} up.${where}`);
      case "ended": {
        const text =
          event.author?.part === Part.PATRON
            ? `${patron === "the patron" ? "The patron" : patron} ended the session.`
            : `${name} ended the session with ${patron}.`;
        // In the session that is shown, its banner says so.
        return where === "" ? this.announcer.say(text) : this.notify(text);
      }
      default:
        return;
    }
  }

  #tick(): void {
    const now = Date.now();
    this.#lists.value = expireDepartures(this.#lists.value, now);
    this.notices.expire(now);
    if (this.#watchAt !== undefined && now >= this.#watchAt) this.#watch();
    if (this.link.connection.value.phase.name === "expired" && this.#logInState.value === "in") {
      // A reload with a token that is too old begins at the log-in; anybody else keeps what they see.
      this.#logInState.value = this.#profile.value === undefined ? "out" : "again";
    }
  }

  #clear(): void {
    this.link.forget();
    this.drafts.clear();
    this.#guarded.clear();
    this.#commands.clear();
    this.#taken.clear();
    this.#lists.value = noLists;
    this.#queueIds.value = undefined;
    this.#selected.value = undefined;
    this.#asked.value = undefined;
    this.tab.value = "chat";
    this.list.value = "new";
  }

  #store(): void {
    if (this.#accessToken === undefined) return;
    const views = [...this.link.sessions.value.values()];
    rememberDesk({
      token: this.#accessToken,
      ...(this.#queueIds.value === undefined ? {} : { queueIds: this.#queueIds.value }),
      seen: Object.fromEntries(views.map((view) => [view.sessionId, view.seen])),
      held: views.filter((view) => view.wanted).map((view) => view.sessionId),
    });
  }
}
