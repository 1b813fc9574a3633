/** Short words to the user that go away by themselves. */
import { type ReadonlySignal, signal } from "@preact/signals";

/** A short word. */
export interface Notice {
  id: number;
  text: string;
  tone: "plain" | "bad";
  until: number;
  /** The session whose offer it tells of, if it does: it is no longer true when that has gone on. */
  offerOf: string | undefined;
}

const SHOWN = 9_000;
const MOST = 4;

/** The short words that are shown at present. */
export class Notices {
  readonly #shown = signal<readonly Notice[]>([]);
  #next = 1;

  /** What is shown, the oldest first. */
  readonly shown: ReadonlySignal<readonly Notice[]> = this.#shown;

  /** Shows a short word. */
  add(text: string, tone: Notice["tone"], now: number, offerOf?: string): void {
    const notice: Notice = { id: this.#next, text, tone, until: now + SHOWN, offerOf };
    this.#next += 1;
    this.#shown.value = [...this.#shown.value.slice(1 - MOST), notice];
  }

  /** Takes a short word away. */
  remove(id: number): void {
    this.#keep((notice) => notice.id !== id);
  }

  /** Takes away what was said of the earlier offers of a session. */
  overtake(sessionId: string): void {
    this.#keep((notice) => notice.offerOf !== sessionId);
  }

  /** Takes away what was shown long enough. */
  expire(now: number): void {
    this.#keep((notice) => now < notice.until);
  }

  /** Takes everything away. */
  clear(): void {
    this.#keep(() => false);
  }

  #keep(stays: (notice: Notice) => boolean): void {
    const shown = this.#shown.value.filter(stays);
    if (shown.length !== this.#shown.value.length) this.#shown.value = shown;
  }
}
