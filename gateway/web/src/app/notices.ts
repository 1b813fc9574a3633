/** Short words to the user: what only tells goes by itself, what went wrong stays until it is put away (WCAG 2.2.1). */
import { type ReadonlySignal, signal } from "@preact/signals";

/** A short word. */
export interface Notice {
  id: number;
  text: string;
  /** What went `bad` stays until the user has put it away. */
  tone: "plain" | "bad";
  /** Until when it is shown, if it goes by itself and nobody holds it. */
  until: number;
  /** The session whose offer it tells of, if it does: it is no longer true when that has gone on. */
  offerOf: string | undefined;
}

const SHOWN = 9_000;
/** The older ones make room, and of them first what would have gone by itself. */
const MOST = 6;

/** The short words that are shown at present. */
export class Notices {
  readonly #shown = signal<readonly Notice[]>([]);
  #next = 1;
  #held = false;
  #checkedAt: number | undefined;

  /** What is shown, the oldest first. */
  readonly shown: ReadonlySignal<readonly Notice[]> = this.#shown;

  /** Shows a short word. One that says the same makes way for it. */
  add(text: string, tone: Notice["tone"], now: number, offerOf?: string): void {
    const notice: Notice = { id: this.#next, text, tone, until: now + SHOWN, offerOf };
    this.#next += 1;
    const others = this.#shown.value.filter((other) => other.text !== text || other.tone !== tone);
    const least = others.find((other) => other.tone === "plain") ?? others[0];
    const kept = others.length < MOST ? others : others.filter((other) => other !== least);
    this.#shown.value = [...kept, notice];
  }

  /** Takes a short word away. */
  remove(id: number): void {
    this.#keep((notice) => notice.id !== id);
  }

  /** Takes away what was said of the earlier offers of a session. */
  overtake(sessionId: string): void {
    this.#keep((notice) => notice.offerOf !== sessionId);
  }

  /** Notes whether the user points at a short word or has the focus there: then none of them goes. */
  hold(held: boolean): void {
    this.#held = held;
  }

  /** Takes away what was shown long enough. Time in which it is held, or not `seen`, does not count. */
  expire(now: number, seen = true): void {
    const since = now - (this.#checkedAt ?? now);
    this.#checkedAt = now;
    if (!this.#held && seen) this.#keep((notice) => notice.tone === "bad" || now < notice.until);
    else if (this.#shown.value.length > 0) {
      this.#shown.value = this.#shown.value.map((notice) => ({ ...notice, until: notice.until + since }));
    }
  }

  /** Takes everything away. */
  clear(): void {
    this.#keep(() => false);
  }

  #keep(stays: (notice: Notice) => boolean): void {
    const shown = this.#shown.value.filter(stays);
    // What goes under the pointer, or with the focus in it, is not left: nobody would say so any more.
    if (shown.length === 0) this.#held = false;
    if (shown.length !== this.#shown.value.length) this.#shown.value = shown;
  }
}
