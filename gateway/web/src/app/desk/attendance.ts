/** How a librarian enters sessions, and leaves them on their own command or otherwise. */

import type { ReadonlySignal } from "@preact/signals";
import { serverNow } from "../../api";
import type { Profile } from "../../gen/carrel/directory/v1/directory_service_pb";
import type { Refusal } from "../../gen/carrel/refusal/v1/refusal_pb";
import { Part, SessionState } from "../../gen/carrel/session/v1/session_pb";
import { patronOf } from "../../patron_label";
import { whyNotDone, whyRefused } from "../../refusal_words";
import { acceptTransfer, endSession, enterConference, leaveConference, pickUp } from "../../state/deeds";
import { isOnItsWay, isOver, type SessionView, unknownSession } from "../../state/session";
import { isHandedOver, newOwnerOf } from "../../state/transfer";
import type { Deed } from "../../wire";
import type { Link } from "../parts/link";
import { takenBack, wordsOf } from "../parts/taking_back";
import type { Drafts } from "./drafts";
import type { Notice } from "./notices";

/** Where a user was when they asked to go to a session. */
export interface SetOut {
  here: string;
  /** The patron of that session. */
  patron: string;
}

/** Callbacks to the desk. */
export interface AttendanceListener {
  /** Returns where the user is now, when they ask to go to a session. */
  setsOut: (sessionId: string) => SetOut;
  /** The user has picked the patron up or accepted them. Returns the user's new place, if they were taken there. */
  pickedUp: (sessionId: string, from: SetOut) => string | undefined;
  /** The user is in conference mode. Returns the user's new place, if they were taken there. */
  entered: (sessionId: string, from: SetOut) => string | undefined;
  /** The user is no longer in the session, which is to be removed from the desk. */
  left: (sessionId: string) => void;
  /** A session that the page never got to attend was removed from the desk. */
  released: () => void;
  /** A session that was the user's is somebody else's now. It stays on the desk until they put it away. */
  handedOver: (sessionId: string, text: string) => void;
  /** There is something to say to the user. */
  notify: (text: string, tone?: Notice["tone"]) => void;
}

/** One librarian's attendance of sessions. */
export class Attendance {
  /** The unanswered commands of the user, and where the user was when each was sent. */
  readonly #commands = new Map<string, { deed: Deed["case"]; from: SetOut }>();
  /** The sessions that were picked up, until their attendance as a supervisor has ended. */
  readonly #taken = new Set<string>();
  /** The sessions of which the user was told that they are somebody else's, with the position of the transfer. */
  readonly #handedOver = new Map<string, bigint>();

  constructor(
    private readonly link: Link,
    private readonly drafts: Drafts,
    private readonly profile: ReadonlySignal<Profile | undefined>,
    private readonly listener: AttendanceListener,
  ) {}

  /** Attends a session of the user, unless they attend it already or are about to. */
  hold(sessionId: string, seen = 0): void {
    const view = this.link.sessions.value.get(sessionId);
    if (view?.wanted || this.isPickingUp(sessionId)) return;
    this.link.hold(unknownSession(sessionId, seen));
    this.link.input(sessionId, { kind: "attend" });
  }

  /** Picks a waiting patron up. */
  pickUp(sessionId: string): void {
    if (!this.#isOnItsWay(sessionId, "pickUp")) this.#command(sessionId, pickUp());
  }

  /** Accepts a session that is offered to the user. */
  accept(sessionId: string, offerId: string): void {
    if (!this.isPickingUp(sessionId)) this.#command(sessionId, acceptTransfer(offerId));
  }

  /** Whether this user is picking up or accepting a patron. */
  isPickingUp(sessionId: string): boolean {
    const view = this.link.sessions.value.get(sessionId);
    return view?.outgoing.some((out) => TAKES.has(out.deed.case)) ?? false;
  }

  /** Enters conference mode; the user has accepted the warning that was shown (S10). */
  enter(sessionId: string): void {
    this.#command(sessionId, enterConference(this.profile.value?.conferenceWarning?.version ?? ""));
  }

  /** Leaves conference mode, unless that is under way. */
  leave(sessionId: string): void {
    if (!this.#isOnItsWay(sessionId, "leaveConference")) this.#command(sessionId, leaveConference());
  }

  /** Ends a session for everyone, unless that is under way. */
  end(sessionId: string): void {
    if (!this.isEnding(sessionId)) this.#command(sessionId, endSession());
  }

  /** Whether the end of a session is on its way. */
  isEnding(sessionId: string): boolean {
    return this.#isOnItsWay(sessionId, "endSession");
  }

  /** Handles the acceptance of a command, which is applied to the session already: decides where the user goes next. */
  accepted(sessionId: string, commandId: string): void {
    const command = this.#commands.get(commandId);
    if (command === undefined) return;
    const { deed, from } = command;
    if (TAKES.has(deed)) {
      this.#taken.add(sessionId);
      this.#arrive(from, this.listener.pickedUp(sessionId, from));
    }
    if (deed === "enterConference") this.#arrive(from, this.listener.entered(sessionId, from));
    if (deed === "leaveConference") this.listener.left(sessionId);
    this.#commands.delete(commandId);
  }

  /**
   * Handles something new in a session. A supervisor who has become its owner on another of their monitors attends anew
   * here, as the owner (R18).
   */
  happened(sessionId: string): void {
    const view = this.link.sessions.value.get(sessionId);
    if (view?.part !== Part.COLLEAGUE || view.attendance !== "on" || !this.#owns(view)) return;
    if (!this.#taken.has(sessionId) && !this.isPickingUp(sessionId)) this.link.input(sessionId, { kind: "attend" });
  }

  /** Handles the refusal of a command. */
  refused(sessionId: string, commandId: string, refusal: Refusal): void {
    const deed = this.#commands.get(commandId)?.deed;
    if (deed === undefined || !isOver(this.link.sessions.value.get(sessionId), commandId, refusal)) return;
    this.#commands.delete(commandId);
    this.listener.notify(whyNot(refusal), tooLate(refusal) ? "plain" : "bad");
    this.link.input(sessionId, { kind: "discard", commandId });
    const view = this.link.sessions.value.get(sessionId);
    if (deed === "endSession" || view?.wanted) return;
    // A session that was handed over or has ended stays on the desk. A user who could not leave is no longer inside.
    if (view?.session === undefined || deed === "leaveConference") this.link.release(sessionId);
  }

  /** Handles that the gateway ended the user's attendance of a session. */
  detached(sessionId: string, refusal: Refusal | undefined): void {
    const view = this.link.sessions.value.get(sessionId);
    if (view === undefined || view.wanted || refusal === undefined) return;
    // A user who leaves is detached, and is told by the answer to their own command.
    if (view.outgoing.some((out) => out.deed.case === "leaveConference")) return;
    const wasInside = view.part === Part.COLLEAGUE || view.session === undefined;
    if (refusal.reason === "NOT_INSIDE" && this.#takesOver(view)) {
      this.link.input(sessionId, { kind: "attend" });
    } else if (isHandedOver(view)) {
      this.#passed(view);
    } else if (isLoss(refusal, view) && view.session?.state !== SessionState.ENDED) {
      this.#lost(view, refusal.metadata.owner);
    } else if ((refusal.reason === "NOT_INSIDE" || refusal.reason === "NO_LONGER_OWNER") && wasInside) {
      this.#takeBack(view);
      const again = "Choose the session in All to enter again.";
      this.listener.notify(`You are no longer in conference mode. ${again}${this.#kept(view)}`, "bad");
      this.listener.left(sessionId);
    } else if (view.session === undefined) {
      this.link.release(sessionId);
      this.listener.released();
    }
  }

  /** Forgets a session that was put away. */
  forget(sessionId: string): void {
    this.#taken.delete(sessionId);
    this.#handedOver.delete(sessionId);
  }

  /** Forgets everything. */
  clear(): void {
    this.#commands.clear();
    this.#taken.clear();
    this.#handedOver.clear();
  }

  /** Sends a command, and notes where the user is: the answer may come late. */
  #command(sessionId: string, deed: Deed): void {
    const from = this.listener.setsOut(sessionId);
    this.#commands.set(this.link.act(sessionId, deed), { deed: deed.case, from });
  }

  /**
   * Updates the pending commands that were sent from the same place, so that each still takes the user to its session.
   */
  #arrive(from: SetOut, here: string | undefined): void {
    if (here === undefined) return;
    for (const command of this.#commands.values()) {
      if (command.from.here === from.here) command.from = { ...command.from, here };
    }
  }

  #isOnItsWay(sessionId: string, what: Deed["case"]): boolean {
    return isOnItsWay(this.link.sessions.value.get(sessionId), what);
  }

  /** Whether a supervisor is becoming the owner: they leave conference mode but stay in the session. */
  #takesOver(view: SessionView): boolean {
    const taken = this.#taken.delete(view.sessionId);
    return view.part === Part.COLLEAGUE && (taken || this.isPickingUp(view.sessionId) || this.#owns(view));
  }

  #owns({ session }: SessionView): boolean {
    const id = this.profile.value?.librarianId;
    return id !== undefined && id !== "" && session?.owner?.librarianId === id;
  }

  /** Says that a session went on without the user while they were away, and returns what they wrote to their drafts. */
  #lost(view: SessionView, owner: string | undefined): void {
    this.#takeBack(view);
    const which = view.session
      ? `Your session with ${patronOf(view.session, "a patron")}`
      : "A session that was on your desk";
    const where = owner
      ? `${owner} has the patron now.`
      : "If the patron is still waiting, you will find them under New.";
    this.listener.notify(
      `${which} is no longer yours: your connection was lost for too long. ${where}${this.#kept(view)}`,
      "bad",
    );
    this.listener.left(view.sessionId);
  }

  /** Says once who now has a session that was the user's. It stays on the desk until they put it away. */
  #passed(view: SessionView): void {
    this.#takeBack(view);
    const transfer = view.events.findLast((event) => event.payload.case === "transferred")?.position ?? 0n;
    if (this.#handedOver.get(view.sessionId) === transfer) return;
    this.#handedOver.set(view.sessionId, transfer);
    const patron = patronOf(view.session, "your patron");
    this.listener.handedOver(view.sessionId, `${newOwnerOf(view) || "Another librarian"} has ${patron} now.`);
  }

  /** Says what becomes of the user's drafts in a session that is removed from the desk. */
  #kept({ sessionId }: SessionView): string {
    if (!this.drafts.has(sessionId)) return "";
    return " What you have typed comes back when you return to the session; until then it is under My Active.";
  }

  /** Turns what the user wrote and the log has not taken back into drafts. */
  #takeBack(view: SessionView): void {
    for (const out of [...view.outgoing].reverse()) {
      if (out.status === "sent" || wordsOf(out) === undefined) continue;
      this.link.input(view.sessionId, { kind: "discard", commandId: out.commandId });
      this.drafts.change(view.sessionId, takenBack(this.drafts.of(view.sessionId), out), serverNow());
    }
  }
}

/** Whether an owner's attendance ended because the session went on without them. */
function isLoss({ reason }: Refusal, view: SessionView): boolean {
  // A supervisor who owned the session before is told so when they are no longer inside.
  const isLostByOwner = reason === "NO_LONGER_OWNER" && view.part !== Part.COLLEAGUE;
  return reason === "NOT_FOUND" || isLostByOwner || (reason === "NOT_INSIDE" && view.part === Part.OWNER);
}

/** The acts by which a waiting or offered patron becomes the user's. */
const TAKES = new Set<Deed["case"]>(["pickUp", "acceptTransfer"]);

/** Whether somebody else was faster or the offer is over, which is no error. */
function tooLate(refusal: Refusal): boolean {
  return refusal.reason === "ALREADY_PICKED_UP" || refusal.reason === "OFFER_CLOSED";
}

const CLOSED: Record<string, string> = {
  ACCEPTED: "Somebody else has already accepted this patron.",
  DECLINED: "This offer was declined.",
  LAPSED: "This offer has lapsed; the patron stays where they are.",
  WITHDRAWN: "This offer was taken back; the patron stays where they are.",
};

function whyNot(refusal: Refusal): string {
  const winner = refusal.metadata.picked_up_by;
  if (refusal.reason === "ALREADY_PICKED_UP" && winner) return `${winner} picked this patron up.`;
  if (refusal.reason === "OFFER_CLOSED") return CLOSED[refusal.metadata.outcome ?? ""] ?? whyRefused(refusal);
  return whyNotDone(refusal);
}
