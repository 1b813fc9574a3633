/** A librarian's chat monitor as a whole: what it shows and asks, and how its parts hang together. */

import { computed, effect, type ReadonlySignal, signal, untracked } from "@preact/signals";
import type { Profile } from "../../gen/carrel/directory/v1/directory_service_pb";
import type { Refused, ServerFrame } from "../../gen/carrel/gateway/v1/frames_pb";
import { SessionState } from "../../gen/carrel/session/v1/session_pb";
import { type AuditedSession, SessionList, type SessionRow } from "../../gen/carrel/session/v1/session_service_pb";
import { patronOf } from "../../patron_label";
import { type Lists, rowsOf, waitingCount } from "../../state/lists";
import type { SessionView } from "../../state/session";
import { isHandedOver } from "../../state/transfer";
import { Announcer } from "../parts/announcer";
import { Link } from "../parts/link";
import { rememberQueues } from "../parts/settings";
import { Alerts } from "./alerts";
import type { Asked } from "./asked";
import { Attendance, type SetOut } from "./attendance";
import { CutOff } from "./cut_off";
import { InstantMessages } from "./im";
import { KeptDrafts } from "./kept_drafts";
import { WatchedLists } from "./lists";
import { LogIn, type LogInState } from "./log_in";
import { type Notice, Notices } from "./notices";
import { type ListName, Place } from "./place";
import { Policies } from "./policies";
import { Presence } from "./presence";
import { Resolutions } from "./resolution";
import { OwnScripts } from "./scripts";
import { forgetDesk, recallDesk, rememberDesk } from "./storage";
import { tellOfEvent, tellOfIm, tellOfLists, tellOfRefusedIm } from "./telling";
import { offerIdOf, Transfers } from "./transfer";
import { Unread } from "./unread";
import { Writing } from "./writing";

/** A box in which the librarian writes. */
export type Box = "patron" | "note";

/** What a notice about the number of open monitors is about. */
const MONITORS = "monitors";

/** The state and actions behind one chat monitor. */
export class Desk {
  readonly announcer = new Announcer();
  readonly link = new Link({
    ready: () => {
      this.im.wait();
      this.presence.connected();
      this.#watched.watch();
    },
    frame: (frame) => this.#frame(frame),
    news: (sessionId, event) => {
      this.#attendance.happened(sessionId);
      tellOfEvent(this, sessionId, event);
    },
    token: (token) => {
      this.#logIn.renewed(token);
      this.#store();
    },
    tick: () => this.#tick(),
  });
  readonly #logIn = new LogIn();
  readonly #place = new Place();
  readonly #asked = signal<Asked | undefined>(undefined);
  readonly #wantsFocus = signal<Box | undefined>(undefined);

  /** Which tab is shown. */
  readonly tab = this.#place.tab;
  /** Which list is shown. */
  readonly list = this.#place.list;
  /** Which box is shown when there is room for only one. */
  readonly box = signal<Box>("patron");
  /** Whether a librarian is logged in. */
  readonly logInState: ReadonlySignal<LogInState> = this.#logIn.state;
  /** The librarian. */
  readonly profile: ReadonlySignal<Profile | undefined> = this.#logIn.profile;
  /** The alerts that call the librarian to the desk. */
  readonly alerts = new Alerts(this.#logIn.librarianId);
  /** Whether the desk is cut off, so that nothing reaches the librarian. */
  readonly cutOff = new CutOff(this.link.connection, this.logInState, this.alerts);
  /** The librarian's own scripts. */
  readonly scripts = new OwnScripts(this.#logIn.librarianId);
  /** What the librarian should know about each library. */
  readonly policies = new Policies(() => this.accessToken);
  /** Whether the librarian may enter other librarians' sessions. */
  readonly maySupervise = this.#logIn.maySupervise;
  /** Whether the librarian may erase ended sessions (R20). */
  readonly mayErase = this.#logIn.mayErase;
  /** The name of a queue, or its id if the librarian may not monitor it. */
  readonly queueName = this.#logIn.queueName;
  /** Whether a queue is for practice (D36). */
  readonly isPractice = this.#logIn.isPractice;
  /** Whether the user is the author of an event. */
  readonly isOwn = this.#logIn.isOwn;
  /** What the librarian writes. */
  readonly writing = new Writing(this.link, this.isOwn, (sessionId, note) =>
    this.ask({ kind: "guard", sessionId, note }),
  );
  /** The drafts of sessions. */
  readonly drafts = this.writing.drafts;
  readonly #attendance = new Attendance(this.link, this.drafts, this.profile, {
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
      // If the session is shown, its banner says so.
      if (sessionId === this.#place.sessionId.value) this.announcer.say(text);
      else this.notify(text);
      this.#store();
    },
    notify: (text, tone) => this.notify(text, tone),
  });
  readonly #watched = new WatchedLists(this.link, this.maySupervise, (why) => this.#chooseAgain(why));
  /** The lists. */
  readonly lists: ReadonlySignal<Lists> = this.#watched.lists;
  /** The queues that are watched, or `undefined` before the librarian has chosen. */
  readonly queueIds: ReadonlySignal<readonly string[] | undefined> = this.#watched.queueIds;
  /** The presence of the librarian and of others. */
  readonly presence = new Presence(this.link, this.profile, {
    announced: () => this.im.announced(),
    monitoring: (queueIds) => {
      this.#watched.follow(queueIds);
      this.im.queuesChanged();
    },
    chooseAgain: (why) => this.#chooseAgain(why),
    changed: () => this.#store(),
    monitors: (text) => {
      this.notices.overtake(MONITORS);
      if (text !== "") this.notify(text, "plain", MONITORS);
    },
    say: (text) => this.announcer.say(text),
  });
  /** The conversations with other librarians. */
  readonly im = new InstantMessages(this.link, this.profile, this.tab, {
    arrived: (author, text, where) => tellOfIm(this, author, text, where),
    sent: (commandId) => this.transfers.imSent(commandId),
    refused: (name, refusal) => tellOfRefusedIm(this, name, refusal),
  });
  /** What the tab keeps across a reload of what the librarian has begun to type. */
  readonly keptDrafts = new KeptDrafts(this.drafts, this.im, (sessionId, box) => {
    const session = this.link.sessions.value.get(sessionId)?.session;
    // Notes can be added after the end, but not once it was erased.
    return box === "note" ? session?.eraseTime === undefined : session?.state !== SessionState.ENDED;
  });
  /** The transfers of sessions. */
  readonly transfers = new Transfers(this.link, this.lists, this.drafts, {
    open: (sessionId, librarianId) => this.ask({ kind: "transfer", sessionId, librarianId }),
    sendIm: (librarian, text) => this.im.write(librarian, text),
    answered: (librarianId) => this.im.settle(librarianId),
    notify: (text, tone) => this.notify(text, tone),
  });
  /** The resolutions and descriptive codes that the librarian sets. */
  readonly resolutions = new Resolutions(this.link, (text, tone) => this.notify(text, tone), this.policies);
  /** The question that the desk asks, if any. */
  readonly asked: ReadonlySignal<Asked | undefined> = this.#asked;
  /** The notices that are shown. */
  readonly notices = new Notices();
  /** The box that is to get the focus. */
  readonly wantsFocus: ReadonlySignal<Box | undefined> = this.#wantsFocus;
  /** The session that is shown. */
  readonly view = computed<SessionView | undefined>(() => {
    const id = this.#place.sessionId.value;
    return id === undefined ? undefined : this.link.sessions.value.get(id);
  });
  /** The sessions on the desk that have ended and were not put away yet. */
  readonly ended = computed(() =>
    [...this.link.sessions.value.values()].filter((view) => view.session?.state === SessionState.ENDED),
  );
  /** The sessions that the librarian handed over to somebody else and has not put away yet. */
  readonly handedOver = computed(() => [...this.link.sessions.value.values()].filter(isHandedOver));
  /** The drafts of sessions that left the desk without the librarian putting them away. */
  readonly leftBehind = computed(() => this.drafts.outside(this.link.sessions.value));
  /** What the librarian has not seen of the sessions on the desk. */
  readonly unread = new Unread(this.link, this.isOwn);
  /** How much needs the librarian's attention: waiting patrons, unread sessions and unread conversations. */
  readonly attention = computed(
    () => waitingCount(this.lists.value) + this.unread.sessions.value.length + this.im.unread.value,
  );

  constructor() {
    effect(() => {
      // Stores the place whenever it changes.
      void this.#place.stored;
      untracked(() => this.#store());
    });
  }

  /** Restores what this tab showed before a reload. */
  begin(): void {
    const stored = recallDesk();
    if (stored === undefined) return;
    this.#logIn.restore(stored.token, stored.logInName ?? "");
    this.#watched.choose(stored.queueIds);
    if (stored.monitor !== undefined) this.presence.restore(stored.monitor, stored.queueIds);
    this.#place.restore(stored.place);
    for (const sessionId of stored.held) this.#attendance.hold(sessionId, stored.seen[sessionId]);
    this.link.start(stored.token);
  }

  /** Logs in. Returns what went wrong, if anything. */
  async logIn(name: string, password: string): Promise<string | undefined> {
    const failure = await this.#logIn.logIn(name, password, () => this.#clear());
    const { token } = this.#logIn;
    if (failure !== undefined || token === undefined) return failure;
    // What the tab keeps of somebody else is not for this one, nor for whoever logs in after them.
    this.keptDrafts.begin(this.#logIn.librarianId.value ?? "");
    this.#store();
    this.link.start(token);
    return undefined;
  }

  /** The name that was last logged in with in this tab. */
  get logInName(): string {
    return this.#logIn.name;
  }

  /** The access token for HTTP requests. */
  get accessToken(): string {
    return this.#logIn.token?.accessToken ?? "";
  }

  /** Logs out. The librarian's sessions go on, and so do their other monitors. */
  logOut(): void {
    this.presence.leave();
    this.link.stop();
    this.#clear();
    forgetDesk();
    this.keptDrafts.forget();
    this.#logIn.logOut();
  }

  /** Monitors these queues from now on, and watches who waits in them. */
  chooseQueues(queueIds: readonly string[]): void {
    this.#asked.value = undefined;
    // Waiting patrons are shown at once, even while presence is not available.
    this.#watched.follow(queueIds);
    this.presence.monitor(queueIds);
    rememberQueues(this.#logIn.librarianId.value ?? "", queueIds);
  }

  /** Puts a question to the user. */
  ask(asked: Asked): void {
    this.#asked.value = asked;
  }

  /** Withdraws the question without any effect. */
  cancel(): void {
    this.#asked.value = undefined;
  }

  /** Shows a session that is on the desk. */
  select(sessionId: string, focus?: Box): void {
    this.#place.show(sessionId);
    if (focus !== undefined) this.focus(focus);
  }

  /** Shows the lists again when there is room for only one thing. */
  unselect(): void {
    this.#place.show(undefined);
  }

  /** Opens the transcript of an ended session that an entry of the audit is about. */
  openTranscript(session: AuditedSession): void {
    this.#place.openTranscript(session);
  }

  /** Returns the session whose transcript is to be opened, if any; only once. */
  takeTranscript(): AuditedSession | undefined {
    return this.#place.takeTranscript();
  }

  /** Moves the focus to a box. */
  focus(box: Box): void {
    this.box.value = box;
    this.#wantsFocus.value = box;
  }

  /** Notes that the box has got the focus. */
  focused(): void {
    this.#wantsFocus.value = undefined;
  }

  /** Picks a waiting patron up. */
  pickUp(sessionId: string): void {
    this.#attendance.pickUp(sessionId);
  }

  /** Whether this user is picking a patron up. */
  isPickingUp(sessionId: string): boolean {
    return this.#attendance.isPickingUp(sessionId);
  }

  /** Accepts a session that is offered to the user. */
  accept(row: SessionRow): void {
    this.transfers.answered(row);
    this.#attendance.accept(row.sessionId, offerIdOf(row));
  }

  /**
   * Opens a row of All: shows the session if the user is inside, on this or another of their monitors, otherwise the
   * warning first (S9). It is about entering, and on a second monitor it would not be true any more.
   */
  openFromAll(row: SessionRow): void {
    const isHere = this.link.sessions.value.get(row.sessionId)?.wanted ?? false;
    if (!isHere && !row.callerInside) {
      this.ask({ kind: "warning", row });
      return;
    }
    this.#attendance.hold(row.sessionId);
    this.select(row.sessionId, "note");
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

  /** Puts away a session that is over for the user, with their drafts in it. */
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

  /** Notes that the user has looked at the session that is shown. */
  markSeen(): void {
    const view = this.view.value;
    if (view !== undefined && this.unread.see(view)) this.#store();
  }

  /**
   * Shows and announces a notice. It is withdrawn when what it is about moves on, such as the session of an ended
   * offer.
   */
  notify(text: string, tone: Notice["tone"] = "plain", about?: string): void {
    this.notices.add(text, tone, Date.now(), about);
    this.announcer.say(text);
  }

  #frame(received: ServerFrame): void {
    if (this.presence.frame(received) || this.im.frame(received)) return;
    const { frame } = received;
    switch (frame.case) {
      case "welcome":
        this.#logIn.welcomed(frame.value.profile);
        this.keptDrafts.begin(this.#logIn.librarianId.value ?? "");
        this.policies.stale();
        this.#place.welcomed(this.#logIn.role.value);
        if (this.queueIds.value === undefined) this.ask({ kind: "queues" });
        return;
      case "lists": {
        // In a hidden page, timers may be delayed by up to a minute.
        this.#tickLists(Date.now());
        const before = this.lists.value;
        this.#watched.change(frame.value);
        tellOfLists(this, before);
        this.#takeMine();
        return;
      }
      case "accepted":
        this.#attendance.accepted(frame.value.sessionId, frame.value.commandId);
        this.resolutions.accepted(frame.value.sessionId, frame.value.commandId);
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
      this.resolutions.refused(sessionId, commandId, refusal);
    } else if (refusal.metadata.request === "watch") this.#watched.refused(refusal);
  }

  #chooseAgain(why: string): void {
    this.notify(`${why} Choose your queues again.`, "bad");
    this.ask({ kind: "queues" });
  }

  #left(sessionId: string): void {
    const whose = patronOf(this.link.sessions.value.get(sessionId)?.session, "");
    if (this.drafts.has(sessionId)) this.drafts.change(sessionId, { whose });
    if (this.#place.sessionId.value === sessionId) this.#place.show(undefined);
    this.link.release(sessionId);
    this.#store();
  }

  #patronOf(sessionId: string): string {
    const row = [...this.lists.value.rows.values()].find((one) => one.sessionId === sessionId);
    return patronOf(row, "a patron");
  }

  /**
   * Takes the user into a session, unless they have turned to something else since: what they type must stay there.
   * Returns their new place if they were taken.
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
    // Rows that the last snapshot left out have now expired.
    if (this.lists.value !== before) tellOfLists(this, before);
  }

  #tick(): void {
    const now = Date.now();
    this.#tickLists(now);
    this.presence.tick(now);
    this.im.tick(now);
    this.notices.expire(now, !document.hidden);
    if (this.link.connection.value.phase.name === "expired") this.#logIn.expired();
    this.cutOff.tick(now);
  }

  #clear(): void {
    this.link.forget();
    this.policies.clear();
    this.writing.clear();
    this.#attendance.clear();
    this.transfers.clear();
    this.resolutions.clear();
    this.#watched.clear();
    this.presence.clear();
    this.im.clear();
    this.notices.clear();
    this.announcer.clear();
    this.#place.clear();
    this.#asked.value = undefined;
  }

  #store(): void {
    const { token, name } = this.#logIn;
    if (token === undefined) return;
    const views = [...this.link.sessions.value.values()];
    rememberDesk({
      token,
      logInName: name,
      place: this.#place.stored,
      monitor: this.presence.stored,
      ...(this.queueIds.value === undefined ? {} : { queueIds: this.queueIds.value }),
      seen: this.unread.stored,
      held: views.filter((view) => view.wanted).map((view) => view.sessionId),
    });
  }
}
