/** What a librarian says of ended sessions: how they came out (R16), and what they were about (D65). */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { Refusal } from "../../gen/carrel/refusal/v1/refusal_pb";
import type { Resolution } from "../../gen/carrel/session/v1/session_pb";
import { whyNotDone } from "../../refusal_words";
import { setDescriptiveCodes, setResolution } from "../../state/deeds";
import { isOnItsWay, isOver } from "../../state/session";
import type { Deed } from "../../wire";
import type { Link } from "../parts/link";
import type { Notice } from "./notices";
import type { Policies } from "./policies";

/** A command that is not answered yet. */
interface Command {
  /** What it sets, in words. */
  what: string;
  /** Is called with the answer. */
  resolve: (done: boolean) => void;
}

/** The refusals that say that a library's list is not what this page has read. */
const OUT_OF_DATE = new Set(["BAD_CODE_LIST", "UNKNOWN_CODE"]);

/** The resolutions and descriptive codes that one librarian sets. */
export class Resolutions {
  readonly #commands = new Map<string, Command>();
  readonly #putOff = signal<ReadonlySet<string>>(new Set());

  /** The sessions for which the librarian has put the question off. */
  readonly putOff: ReadonlySignal<ReadonlySet<string>> = this.#putOff;

  constructor(
    private readonly link: Link,
    private readonly notify: (text: string, tone: Notice["tone"]) => void,
    private readonly policies: Policies,
  ) {}

  /** Sets or corrects the resolution of an ended session. Returns whether it was set. */
  set(sessionId: string, resolution: Resolution): Promise<boolean> {
    return this.#set(sessionId, setResolution(resolution), "resolution");
  }

  /**
   * Sets or corrects the descriptive codes of an ended session, by its library's list. Returns whether they were set.
   */
  setCodes(sessionId: string, codes: readonly string[], codeList: string): Promise<boolean> {
    return this.#set(sessionId, setDescriptiveCodes(codes, codeList), "descriptive codes");
  }

  /** Whether the resolution or the codes of a session are on their way. */
  isSetting(sessionId: string): boolean {
    const view = this.link.sessions.value.get(sessionId);
    return isOnItsWay(view, "setResolution") || isOnItsWay(view, "setDescriptiveCodes");
  }

  /** Puts the question about a session off: the page does not ask by itself any more. */
  later(sessionId: string): void {
    // Sessions that were put away since are dropped.
    const held = [...this.#putOff.value].filter((id) => this.link.sessions.value.has(id));
    this.#putOff.value = new Set([...held, sessionId]);
  }

  /** Handles the acceptance of a command. */
  accepted(sessionId: string, commandId: string): void {
    this.#settle(sessionId, commandId, true);
  }

  /** Handles the refusal of a command, and tells the user why. */
  refused(sessionId: string, commandId: string, refusal: Refusal): void {
    const command = this.#commands.get(commandId);
    if (command === undefined) return;
    if (!isOver(this.link.sessions.value.get(sessionId), commandId, refusal)) return;
    this.link.input(sessionId, { kind: "discard", commandId });
    const isOutOfDate = OUT_OF_DATE.has(refusal.reason);
    if (isOutOfDate) {
      this.policies.stale();
      void this.policies.read();
    }
    const why = isOutOfDate ? whyOutOfDate(refusal) : whyNotDone(refusal);
    this.notify(`The ${command.what} could not be set. ${why}`, "bad");
    this.#settle(sessionId, commandId, false);
  }

  /** Forgets everything. */
  clear(): void {
    for (const { resolve } of this.#commands.values()) resolve(false);
    this.#commands.clear();
    this.#putOff.value = new Set();
  }

  #set(sessionId: string, deed: Deed, what: string): Promise<boolean> {
    const commandId = this.link.act(sessionId, deed);
    return new Promise((resolve) => this.#commands.set(commandId, { what, resolve }));
  }

  #settle(sessionId: string, commandId: string, done: boolean): void {
    const command = this.#commands.get(commandId);
    if (command === undefined) return;
    this.#commands.delete(commandId);
    // A session from the list of ended sessions is held only for the command, unless notes to it are on their way or
    // shown.
    const view = this.link.sessions.value.get(sessionId);
    const isIdle = view !== undefined && !view.wanted && view.session === undefined && view.outgoing.length === 0;
    if (isIdle) this.link.release(sessionId);
    command.resolve(done);
  }
}

/** Says that the library's list has changed, and which code is no longer in it, if the server has said. */
function whyOutOfDate({ metadata: { code } }: Refusal): string {
  const changed = code ? `“${code}” is no longer in the library's list.` : "The library's list has changed.";
  return `${changed} Choose again from the new one.`;
}
