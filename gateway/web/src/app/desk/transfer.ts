/** The transfer of sessions: what the librarian offers to others, and what others offer to them (R14, R15). */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { LibrarianRow } from "../../gen/carrel/presence/v1/presence_service_pb";
import type { Refusal } from "../../gen/carrel/refusal/v1/refusal_pb";
import { type SessionEvent, TransferOutcome } from "../../gen/carrel/session/v1/session_event_pb";
import { SessionList, type SessionRow } from "../../gen/carrel/session/v1/session_service_pb";
import { whyNotDone } from "../../refusal_words";
import { declineTransfer, offerTransfer, withdrawTransfer, writeNote } from "../../state/deeds";
import { type Lists, perhapsRowsOf } from "../../state/lists";
import { isOnItsWay, isOver } from "../../state/session";
import { mayOffer } from "../../state/transfer";
import type { Deed } from "../../wire";
import type { Link } from "../parts/link";
import { takenBack, wordsOf } from "../parts/taking_back";
import type { Drafts } from "./drafts";
import type { Notice } from "./notices";

/** Whom a session can be offered to. */
export type Target =
  | { kind: "librarian"; librarianId: string; introduction: string }
  | { kind: "queue"; queueId: string };

/** Callbacks to the desk. */
export interface TransferListener {
  /** Opens the dialog, with a librarian chosen already if one is named. */
  open: (sessionId: string, librarianId: string | undefined) => void;
  /** Sends a message to another librarian, resends it until its outcome is known, and returns the command's id. */
  sendIm: (librarian: LibrarianRow, text: string) => string;
  /** The librarian has answered an offer of this colleague. */
  answered: (librarianId: string) => void;
  /** There is something to say to the user. */
  notify: (text: string, tone?: Notice["tone"]) => void;
}

/** How long an offer's message and the reason for declining may be, in characters. */
export const TRANSFER_TEXT_LIMIT = 1_000;

/** The transfers of one librarian. */
export class Transfers {
  /** The unanswered commands. */
  readonly #commands = new Map<string, Deed["case"]>();
  /** The messages that ask a librarian first and are not known to be taken, by their command's id. */
  readonly #asking = new Map<string, { sessionId: string; note: string }>();
  readonly #putAside = signal<ReadonlySet<string>>(new Set());
  /** The offers that the user has answered on this page and that are still in the list. */
  readonly #answered = new Set<string>();
  /** The reasons typed for declining offers, by offer. */
  readonly #reasons = signal<ReadonlyMap<string, string>>(new Map());

  /** The sessions offered to the librarian, longest running first. None disappears while a snapshot is arriving. */
  readonly offered: ReadonlySignal<readonly SessionRow[]>;
  /** Those of them that still ask for an answer. */
  readonly asking: ReadonlySignal<readonly SessionRow[]>;

  constructor(
    private readonly link: Link,
    lists: ReadonlySignal<Lists>,
    private readonly drafts: Drafts,
    private readonly listener: TransferListener,
  ) {
    this.offered = computed(() => perhapsRowsOf(lists.value, SessionList.OFFERED).filter((row) => row.transferOffer));
    this.asking = computed(() => this.offered.value.filter((row) => !this.#putAside.value.has(offerIdOf(row))));
  }

  /** Whether the librarian may offer a session to others (R6). */
  mayOffer(sessionId: string | undefined): boolean {
    return sessionId !== undefined && mayOffer(this.link.sessions.value.get(sessionId));
  }

  /** Opens the dialog in which a session is offered, with a librarian chosen already if one is named. */
  open(sessionId: string, librarianId?: string): void {
    if (this.mayOffer(sessionId)) this.listener.open(sessionId, librarianId);
  }

  /** Offers a session. The librarian keeps it until somebody accepts. */
  offer(sessionId: string, to: Target, message: string): void {
    const frame =
      to.kind === "librarian"
        ? { case: "introduction" as const, value: to.introduction }
        : { case: "queueId" as const, value: to.queueId };
    this.#command(sessionId, offerTransfer(frame, message.trim()));
  }

  /** Whether an offer of a session is on its way. */
  isOffering(sessionId: string): boolean {
    return this.#isOnItsWay(sessionId, "offerTransfer");
  }

  /** Takes an offer back. */
  withdraw(sessionId: string, offerId: string): void {
    if (!this.isWithdrawing(sessionId)) this.#command(sessionId, withdrawTransfer(offerId));
  }

  /** Whether an offer of a session is being taken back. */
  isWithdrawing(sessionId: string): boolean {
    return this.#isOnItsWay(sessionId, "withdrawTransfer");
  }

  /**
   * Asks a librarian before a session is offered to them. When the message was taken, it is also written as a note in
   * the session (R14): staff's record must not say that somebody was asked who was not.
   */
  askFirst(sessionId: string, librarian: LibrarianRow, text: string): void {
    const commandId = this.listener.sendIm(librarian, text);
    this.#asking.set(commandId, { sessionId, note: imNote(librarian.screenName, text) });
  }

  /** Handles that a message to another librarian was taken. */
  imSent(commandId: string): void {
    const asked = this.#asking.get(commandId);
    if (asked === undefined) return;
    this.#asking.delete(commandId);
    // A session that was put away meanwhile must not come back on the desk.
    if (this.link.sessions.value.has(asked.sessionId)) this.link.act(asked.sessionId, writeNote(asked.note));
  }

  /** Returns the reason typed for declining an offer. */
  reasonOf(row: SessionRow): string {
    return this.#reasons.value.get(offerIdOf(row)) ?? "";
  }

  /** Keeps the reason typed for declining an offer, as long as the offer is open. */
  typeReason(row: SessionRow, reason: string): void {
    this.#reasons.value = new Map(this.#reasons.value).set(offerIdOf(row), reason);
  }

  /** Whether a reason is typed for declining any offer that is open. */
  get hasReasons(): boolean {
    return this.offered.value.some((row) => this.reasonOf(row).trim() !== "");
  }

  /** Declines an offer that was made to the librarian, with the reason typed. */
  decline(row: SessionRow): void {
    if (this.isDeclining(row.sessionId)) return;
    this.answered(row);
    this.#command(row.sessionId, declineTransfer(offerIdOf(row), this.reasonOf(row).trim()));
  }

  /** Notes that the librarian answers an offer, so that they are not told that it is over. */
  answered(row: SessionRow): void {
    this.#answered.add(offerIdOf(row));
    this.listener.answered(row.transferOffer?.from?.librarianId ?? "");
  }

  /** Returns the offers of `before` that are over and were not answered on this page, and forgets their state. */
  over(before: Lists): SessionRow[] {
    const standing = new Set(this.offered.value.map(offerIdOf));
    const reasons = [...this.#reasons.value].filter(([offerId]) => standing.has(offerId));
    if (reasons.length < this.#reasons.value.size) this.#reasons.value = new Map(reasons);
    const putAside = [...this.#putAside.value].filter((offerId) => standing.has(offerId));
    if (putAside.length < this.#putAside.value.size) this.#putAside.value = new Set(putAside);
    const over = perhapsRowsOf(before, SessionList.OFFERED).filter(
      (row) => row.transferOffer && !standing.has(offerIdOf(row)),
    );
    return over.filter((row) => !this.#answered.delete(offerIdOf(row)));
  }

  /** Whether an offer of a session is being declined. */
  isDeclining(sessionId: string): boolean {
    return this.#isOnItsWay(sessionId, "declineTransfer");
  }

  /** Puts an offer aside. It stays open, and in the list. */
  putAside(row: SessionRow): void {
    this.#putAside.value = new Set([...this.#putAside.value, offerIdOf(row)]);
  }

  /** Handles the acceptance of a command. */
  accepted(sessionId: string, commandId: string): void {
    const deed = this.#commands.get(commandId);
    this.#commands.delete(commandId);
    if (deed === "declineTransfer") this.#letGo(sessionId);
  }

  /** Handles the refusal of a command, and says why. */
  refused(sessionId: string, commandId: string, refusal: Refusal): void {
    const deed = this.#commands.get(commandId);
    if (deed === undefined || !isOver(this.link.sessions.value.get(sessionId), commandId, refusal)) return;
    this.#commands.delete(commandId);
    this.#takeBack(sessionId, commandId);
    this.link.input(sessionId, { kind: "discard", commandId });
    if (deed === "declineTransfer") this.#letGo(sessionId);
    // An offer that is over need not be declined or withdrawn: the lists and the session say how it ended.
    if (refusal.reason !== "OFFER_CLOSED") this.listener.notify(whyNotDone(refusal), "bad");
  }

  /** Forgets everything. */
  clear(): void {
    this.#commands.clear();
    this.#asking.clear();
    this.#answered.clear();
    this.#reasons.value = new Map();
    this.#putAside.value = new Set();
  }

  #command(sessionId: string, deed: Deed): void {
    this.#commands.set(this.link.act(sessionId, deed), deed.case);
  }

  /** Turns the message of a refused offer back into a draft. */
  #takeBack(sessionId: string, commandId: string): void {
    const out = this.link.sessions.value.get(sessionId)?.outgoing.find((one) => one.commandId === commandId);
    if (out?.deed.case !== "offerTransfer" || wordsOf(out) === undefined) return;
    this.drafts.change(sessionId, takenBack(this.drafts.of(sessionId), out));
  }

  #isOnItsWay(sessionId: string, what: Deed["case"]): boolean {
    return isOnItsWay(this.link.sessions.value.get(sessionId), what);
  }

  /** Releases a session that the librarian has only declined, so that it does not stay on the desk. */
  #letGo(sessionId: string): void {
    const view = this.link.sessions.value.get(sessionId);
    if (view !== undefined && !view.wanted && view.session === undefined) this.link.release(sessionId);
  }
}

/** Returns the id of a row's offer. */
export function offerIdOf(row: SessionRow): string {
  return row.transferOffer?.offerId ?? "";
}

/** Returns the note for a message that was sent from the transfer dialog (R14). */
function imNote(name: string, text: string): string {
  return `IM to ${name}: ${text}`;
}

/** Whether an event must be shown to the librarian and not only announced: their offer was declined or has lapsed. */
export function isOutcome({ payload }: SessionEvent): boolean {
  return payload.case === "transferClosed" && payload.value.outcome !== TransferOutcome.WITHDRAWN;
}

/** Whether an event makes what was said of an earlier offer of the session out of date. */
export function overtakesOffer({ payload }: SessionEvent): boolean {
  return payload.case === "transferOffered" || payload.case === "transferred" || payload.case === "ended";
}
