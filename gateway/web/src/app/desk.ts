/** A librarian's chat monitor as a whole: who is at it, what it shows and asks, and what they write. */
import { computed, effect, type ReadonlySignal, signal, untracked } from "@preact/signals";
import { ApiError, logIn } from "../api";
import { type Profile, Role } from "../gen/carrel/directory/v1/directory_service_pb";
import type { Refused, ServerFrame } from "../gen/carrel/gateway/v1/frames_pb";
import type { SessionEvent } from "../gen/carrel/session/v1/session_event_pb";
import { SessionState } from "../gen/carrel/session/v1/session_pb";
import { SessionList, type SessionRow } from "../gen/carrel/session/v1/session_service_pb";
import { whyRefused } from "../refusal_words";
import { countOf, type Lists, rowsOf } from "../state/lists";
import { type SessionView, unread } from "../state/session";
import { isHandedOver } from "../state/transfer";
import { type HeldToken, held } from "../token";
import { nothingHappened } from "../wire";
import { Alerts } from "./alerts";
import { Announcer } from "./announcer";
import type { Asked } from "./desk_asked";
import { Attendance, type SetOut } from "./desk_attendance";
import { CutOff } from "./desk_cut_off";
import { InstantMessages } from "./desk_im";
import { WatchedLists } from "./desk_lists";
import { type ListName, Place, supervises } from "./desk_place";
import { Presence } from "./desk_presence";
import { forgetDesk, recallDesk, rememberDesk } from "./desk_storage";
import { tellOfEvent, tellOfLists } from "./desk_telling";
import { offerIdOf, Transfers } from "./desk_transfer";
import { Writing } from "./desk_writing";
import { Link } from "./link";
import { type Notice, Notices } from "./notices";
import { Policies } from "./policies";
import { OwnScripts } from "./scripts";
import { rememberQueues } from "./settings";

/** Who is at the desk: nobody, somebody, or somebody whose log-in has run out. */
export type LogInState = "out" | "in" | "again";
/** A box to write in. */
export type Box = "patron" | "note";

/** The desk behind one chat monitor. */
export class Desk {
  readonly announcer = new Announcer();
  readonly link = new Link({
    ready: () => {
      this.presence.connected();
      this.#watched.watch();
      this.im.connected();
    },
    frame: (frame) => this.#frame(frame),
    news: (sessionId, event) => tellOfEvent(this, sessionId, event),
    token: (token) => {
      this.#accessToken = token;
      this.#store();
    },
    tick: () => this.#tick(),
  });
  readonly #logInState = signal<LogInState>("out");
  readonly #profile = signal<Profile | undefined>(undefined);
  readonly #place = new Place();
  readonly #asked = signal<Asked | undefined>(undefined);
  readonly #wantsFocus = signal<Box | undefined>(undefined);
  #accessToken: HeldToken | undefined;
  #logInName = "";

  /** Which tab is shown. */
  readonly tab = this.#place.tab;
  /** Which list is shown. */
  readonly list = this.#place.list;
  /** Which box is shown where there is room for only one. */
  readonly box = signal<Box>("patron");
  /** Who is at the desk. */
  readonly logInState: ReadonlySignal<LogInState> = this.#logInState;
  /** The librarian. */
  readonly profile: ReadonlySignal<Profile | undefined> = this.#profile;
  /** What calls the librarian to the desk. */
  readonly alerts = new Alerts(computed(() => this.#profile.value?.librarianId));
  /** Whether nothing reaches the librarian any more. */
  readonly cutOff = new CutOff(this.link.connection, this.logInState, this.alerts);
  /** Texts of the librarian's own that are ready to be sent. */
  readonly scripts = new OwnScripts(computed(() => this.#profile.value?.librarianId));
  /** What the librarian should know of each library. */
  readonly policies = new Policies(() => this.accessToken);
  /** Whether the librarian may enter sessions of others. */
  readonly maySupervise = computed(() => supervises(this.#profile.value?.role ?? Role.UNSPECIFIED));
  /** The name of a queue, or its id if the librarian may not monitor it. */
  readonly queueName = (queueId: string): string =>
    this.#profile.value?.queues.find((queue) => queue.queueId === queueId)?.name ?? queueId;
  /** Whether a queue is for practice (D36). */
  readonly isPractice = (queueId: string): boolean =>
    this.#profile.value?.queues.some((queue) => queue.queueId === queueId && queue.practice) ?? false;
  /** Whether the user did it. */
  readonly isOwn = (event: SessionEvent): boolean => {
    const id = this.#profile.value?.librarianId;
    return id !== undefined && id !== "" && event.author?.librarianId === id;
  };
  /** What the librarian writes. */
  readonly writing = new Writing(this.link, this.isOwn, (sessionId, note) =>
    this.ask({ kind: "guard", sessionId, note }),
  );
  /** What is typed and not sent. */
  readonly drafts = this.writing.drafts;
  readonly #attendance = new Attendance(this.link, this.drafts, this.#profile, {
    setsOut: (sessionId) => ({ here: this.#place.here, patron: this.#patronOf(sessionId) }),
    pickedUp: (sessionId, from) => {
      const text = `You have ${from.patron} now; the session is under My Active.`;
      return this.#goTo(sessionId, from, { list: "mine", box: "patron", text });
    },
    entered: (sessionId, from) => {
      const text = `You are in conference mode with ${from.patron} now; the session is under All.`;
      return this.#goTo(sessionId, from, { list: "all", box: "note", text });
    },
    left: (sessionId) => this.#left(sessionId),
    released: () => this.#store(),
    handedOver: (sessionId, text) => {
      // In the session that is shown, its banner says so.
      if (sessionId === this.#place.sessionId.value) this.announcer.say(text);
      else this.notify(text);
      this.#store();
    },
    notify: (text, tone) => this.notify(text, tone),
  });
  readonly #watched = new WatchedLists(this.link, this.maySupervise, (why) => this.#chooseAgain(why));
  /** The lists. */
  readonly lists: ReadonlySignal<Lists> = this.#watched.lists;
  /** The queues that are watched, or nothing before the librarian has chosen. */
  readonly queueIds: ReadonlySignal<readonly string[] | undefined> = this.#watched.queueIds;
  /** Who is here: the librarian, and others. */
  readonly presence = new Presence(this.link, this.#profile, {
    monitoring: (queueIds) => {
      this.#watched.follow(queueIds);
      this.im.queuesChanged();
    },
    chooseAgain: (why) => this.#chooseAgain(why),
    changed: () => this.#store(),
    notify: (text) => this.notify(text),
    say: (text) => this.announcer.say(text),
  });
  /** What librarians write to each other. */
  readonly im = new InstantMessages(this.link, this.#profile, this.tab, {
    arrived: (author, text, { queueId, isShown }) => {
      const to = queueId === undefined ? "you" : `the staff of ${this.queueName(queueId)}`;
      if (!isShown) this.alerts.ring("im", `${author} has written to ${to}.`);
      this.announcer.say(`${author} to ${to}, not to a patron: ${text}`);
    },
    refused: (name, refusal) => {
      const fate = nothingHappened(refusal) ? "was not sent" : "may not have been sent";
      this.notify(`Your message to ${name} ${fate}. ${whyRefused(refusal)}`, "bad");
    },
  });
  /** What is handed over. */
  readonly transfers = new Transfers(this.link, this.lists, this.drafts, {
    open: (sessionId, librarianId) => this.ask({ kind: "transfer", sessionId, librarianId }),
    sendIm: (librarian, text) => this.im.write(librarian, text),
    notify: (text, tone) => this.notify(text, tone),
  });
  /** What the desk asks. */
  readonly asked: ReadonlySignal<Asked | undefined> = this.#asked;
  /** What the desk has to say. */
  readonly notices = new Notices();
  /** The box that the focus is to go to. */
  readonly wantsFocus: ReadonlySignal<Box | undefined> = this.#wantsFocus;
  /** The session that is shown. */
  readonly view = computed<SessionView | undefined>(() => {
    const id = this.#place.sessionId.value;
    return id === undefined ? undefined : this.link.sessions.value.get(id);
  });
  /** The sessions in hand that have ended and were not put away yet. */
  readonly ended = computed(() =>
    [...this.link.sessions.value.values()].filter((view) => view.session?.state === SessionState.ENDED),
  );
  /** The sessions that were the librarian's, are somebody else's now, and were not put away yet. */
  readonly handedOver = computed(() => [...this.link.sessions.value.values()].filter(isHandedOver));
  /** What is typed and not sent in sessions that have gone from the desk without the librarian's having put them away. */
  readonly leftBehind = computed(() => this.drafts.outside(this.link.sessions.value));
  /** How much is new to the librarian: waiting patrons, unread sessions and unread conversations. */
  readonly attention = computed(
    () =>
      countOf(this.lists.value, SessionList.NEW) +
      [...this.link.sessions.value.values()].filter((view) => this.unread(view) > 0).length +
      this.im.unread.value,
  );

  constructor() {
    effect(() => {
      // Whatever shows something else has it remembered.
      void this.#place.stored;
      untracked(() => this.#store());
    });
  }

  /** Returns to where this tab was before a reload. */
  begin(): void {
    const stored = recallDesk();
    if (stored === undefined) return;
    this.#accessToken = stored.token;
    this.#logInName = stored.logInName ?? "";
    this.#watched.choose(stored.queueIds);
    if (stored.monitor !== undefined) this.presence.restore(stored.monitor, stored.queueIds);
    this.#place.restore(stored.place);
    this.#logInState.value = "in";
    for (const sessionId of stored.held) this.#attendance.hold(sessionId, stored.seen[sessionId]);
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

  /** The name that was last logged in with in this tab. */
  get logInName(): string {
    return this.#logInName;
  }

  /** The token for a request of its own. */
  get accessToken(): string {
    return this.#accessToken?.accessToken ?? "";
  }

  /** Leaves the desk. Sessions in hand go on, and so do other monitors of the librarian. */
  logOut(): void {
    this.presence.leave();
    this.link.stop();
    this.#clear();
    forgetDesk();
    this.#accessToken = undefined;
    this.#profile.value = undefined;
    this.#logInState.value = "out";
  }

  /** Monitors these queues from now on, and watches who waits in them. */
  chooseQueues(queueIds: readonly string[]): void {
    this.#asked.value = undefined;
    // Waiting patrons show at once, and also while nobody can say who is here.
    this.#watched.follow(queueIds);
    this.presence.monitor(queueIds);
    rememberQueues(this.#profile.value?.librarianId ?? "", queueIds);
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
    this.#place.show(sessionId);
    if (focus !== undefined) this.focus(focus);
  }

  /** Shows the lists again where there is room for only one thing. */
  unselect(): void {
    this.#place.show(undefined);
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
    this.#attendance.pickUp(sessionId);
  }

  /** Whether a patron is being picked up by this user. */
  isPickingUp(sessionId: string): boolean {
    return this.#attendance.isPickingUp(sessionId);
  }

  /** Accepts a session that is offered to the user. */
  accept(row: SessionRow): void {
    this.transfers.answered(row);
    this.#attendance.accept(row.sessionId, offerIdOf(row));
  }

  /** Opens a row of All: shows it if the user is inside on this page, else the warning first (S9). */
  openFromAll(row: SessionRow): void {
    if (this.link.sessions.value.get(row.sessionId)?.wanted) this.select(row.sessionId, "note");
    else this.ask({ kind: "warning", row });
  }

  /** Enters conference mode; the user has accepted the warning that was shown (S10). */
  enter(row: SessionRow): void {
    this.#asked.value = undefined;
    this.#attendance.enter(row.sessionId);
  }

  /** Leaves conference mode. Nobody else notices, and nobody is disconnected (S14 to S16). */
  leave(sessionId: string): void {
    this.#attendance.leave(sessionId);
  }

  /** Ends a session for everyone. */
  end(sessionId: string): void {
    this.#asked.value = undefined;
    this.#attendance.end(sessionId);
  }

  /** Whether the end of a session is on its way. */
  isEnding(sessionId: string): boolean {
    return this.#attendance.isEnding(sessionId);
  }

  /** Puts a session away that is over for the user, with what they have typed there. */
  dismiss(sessionId: string): void {
    if (this.#place.sessionId.value === sessionId) this.#place.show(undefined);
    this.link.release(sessionId);
    this.writing.forget(sessionId);
    this.#attendance.forget(sessionId);
    this.#store();
  }

  /** Whether a session is the one that is shown. */
  isShown(sessionId: string): boolean {
    return this.tab.value === "chat" && sessionId === this.#place.sessionId.value;
  }

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

  /** Shows a short word; until the session goes on, if it tells how an offer of that session ended. */
  notify(text: string, tone: Notice["tone"] = "plain", offerOf?: string): void {
    this.notices.add(text, tone, Date.now(), offerOf);
    this.announcer.say(text);
  }

  #frame(received: ServerFrame): void {
    if (this.presence.frame(received) || this.im.frame(received)) return;
    const { frame } = received;
    switch (frame.case) {
      case "welcome":
        this.#profile.value = frame.value.profile ?? this.#profile.value;
        this.policies.stale();
        this.#place.welcomed(this.#profile.value?.role ?? Role.UNSPECIFIED);
        if (this.queueIds.value === undefined) this.ask({ kind: "queues" });
        return;
      case "lists": {
        // The clock of a page that nobody sees may stand for a minute.
        this.#tickLists(Date.now());
        const before = this.lists.value;
        this.#watched.change(frame.value);
        tellOfLists(this, before);
        this.#takeMine();
        return;
      }
      case "accepted":
        this.#attendance.accepted(frame.value.sessionId, frame.value.commandId);
        return this.transfers.accepted(frame.value.sessionId, frame.value.commandId);
      case "refused":
        return this.#refused(frame.value);
      case "attending":
        return this.#place.attended(frame.value.sessionId);
      case "detached":
        this.#attendance.detached(frame.value.sessionId, frame.value.refusal);
        if (!this.link.sessions.value.get(frame.value.sessionId)?.wanted) this.#place.lost(frame.value.sessionId);
        return;
      default:
        return;
    }
  }

  /** Takes part in every session that the user owns. */
  #takeMine(): void {
    const seen = recallDesk()?.seen ?? {};
    for (const row of rowsOf(this.lists.value, SessionList.MY_ACTIVE)) {
      this.#attendance.hold(row.sessionId, seen[row.sessionId]);
    }
  }

  #refused({ commandId, sessionId, refusal }: Refused): void {
    if (refusal === undefined) return;
    if (commandId !== "") {
      this.#attendance.refused(sessionId, commandId, refusal);
      this.transfers.refused(sessionId, commandId, refusal);
    } else if (refusal.metadata.request === "watch") this.#watched.refused(refusal);
  }

  #chooseAgain(why: string): void {
    this.notify(`${why} Choose your queues again.`, "bad");
    this.ask({ kind: "queues" });
  }

  #left(sessionId: string): void {
    const whose = this.link.sessions.value.get(sessionId)?.session?.patronName ?? "";
    if (this.drafts.has(sessionId)) this.drafts.change(sessionId, { whose });
    if (this.#place.sessionId.value === sessionId) this.#place.show(undefined);
    this.link.release(sessionId);
    this.#store();
  }

  #patronOf(sessionId: string): string {
    const row = [...this.lists.value.rows.values()].find((one) => one.sessionId === sessionId);
    return row?.patronName || "a patron";
  }

  /**
   * Takes the user into a session, unless they have turned to something else since: what they type must stay there. Gives
   * where they are then, if they were taken.
   */
  #goTo(sessionId: string, from: SetOut, to: { list: ListName; box: Box; text: string }): string | undefined {
    const taken = from.here === this.#place.here;
    if (taken) {
      this.list.value = to.list;
      this.tab.value = "chat";
      this.select(sessionId, to.box);
    } else this.notify(to.text);
    this.#store();
    return taken ? this.#place.here : undefined;
  }

  #tickLists(now: number): void {
    const before = this.lists.value;
    this.#watched.tick(now);
    // What a list that was told anew has left out is gone by now.
    if (this.lists.value !== before) tellOfLists(this, before);
  }

  #tick(): void {
    const now = Date.now();
    this.#tickLists(now);
    this.presence.tick(now);
    this.im.tick(now);
    this.notices.expire(now, !document.hidden);
    if (this.link.connection.value.phase.name === "expired" && this.#logInState.value === "in") {
      // A reload with a token that is too old begins at the log-in; anybody else keeps what they see.
      this.#logInState.value = this.#profile.value === undefined ? "out" : "again";
    }
    this.cutOff.tick(now);
  }

  #clear(): void {
    this.link.forget();
    this.policies.clear();
    this.writing.clear();
    this.#attendance.clear();
    this.transfers.clear();
    this.#watched.clear();
    this.presence.clear();
    this.im.clear();
    this.notices.clear();
    this.announcer.clear();
    this.#place.clear();
    this.#asked.value = undefined;
  }

  #store(): void {
    if (this.#accessToken === undefined) return;
    const views = [...this.link.sessions.value.values()];
    rememberDesk({
      token: this.#accessToken,
      logInName: this.#logInName,
      place: this.#place.stored,
      monitor: this.presence.stored,
      ...(this.queueIds.value === undefined ? {} : { queueIds: this.queueIds.value }),
      seen: Object.fromEntries(views.map((view) => [view.sessionId, view.seen])),
      held: views.filter((view) => view.wanted).map((view) => view.sessionId),
    });
  }
}
