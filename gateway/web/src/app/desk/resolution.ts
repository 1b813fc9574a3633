/** The resolutions that a librarian sets: how their ended sessions came out (R16). */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { Refusal } from "../../gen/carrel/refusal/v1/refusal_pb";
import type { Resolution } from "../../gen/carrel/session/v1/session_pb";
import { whyNotDone } from "../../refusal_words";
import { setResolution } from "../../state/deeds";
import { isOnItsWay, isOver } from "../../state/session";
import type { Link } from "../parts/link";
import type { Notice } from "./notices";

/** The resolutions that one librarian sets. */
export class Resolutions {
  /** The commands that are not answered yet, by id, with what is to be called with the answer. */
  readonly #commands = new Map<string, (done: boolean) => void>();
  readonly #putOff = signal<ReadonlySet<string>>(new Set());

  /** The sessions for which the librarian has put the question off. */
  readonly putOff: ReadonlySignal<ReadonlySet<string>> = this.#putOff;

  constructor(
    private readonly link: Link,
    private readonly notify: (text: string, tone: Notice["tone"]) => void,
  ) {}

  /** Sets or corrects the resolution of an ended session. Returns whether it was set. */
  set(sessionId: string, resolution: Resolution): Promise<boolean> {
    const commandId = this.link.act(sessionId, setResolution(resolution));
    return new Promise((resolve) => this.#commands.set(commandId, resolve));
  }

  /** Whether the resolution of a session is on its way. */
  isSetting(sessionId: string): boolean {
    return isOnItsWay(this.link.sessions.value.get(sessionId), "setResolution");
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
    if (!this.#commands.has(commandId)) return;
    if (!isOver(this.link.sessions.value.get(sessionId), commandId, refusal)) return;
    this.link.input(sessionId, { kind: "discard", commandId });
    this.notify(`The resolution could not be set. ${whyNotDone(refusal)}`, "bad");
    this.#settle(sessionId, commandId, false);
  }

  /** Forgets everything. */
  clear(): void {
    for (const resolve of this.#commands.values()) resolve(false);
    this.#commands.clear();
    this.#putOff.value = new Set();
  }

  #settle(sessionId: string, commandId: string, done: boolean): void {
    const resolve = this.#commands.get(commandId);
    if (resolve === undefined) return;
    this.#commands.delete(commandId);
    // A session from the list of ended sessions is held only for the command, unless notes to it are on their way or shown.
    const view = this.link.sessions.value.get(sessionId);
    const isIdle = view !== undefined && !view.wanted && view.session === undefined && view.outgoing.length === 0;
    if (isIdle) this.link.release(sessionId);
    resolve(done);
  }
}
