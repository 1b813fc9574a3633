/** Short notices to the user: plain ones expire, those of failures stay until they are dismissed (WCAG 2.2.1). */
import { type ReadonlySignal, signal } from "@preact/signals";

/** A short notice. */
export interface Notice {
  id: number;
  text: string;
  /** A `bad` notice, of a failure, stays until the user dismisses it. */
  tone: "plain" | "bad";
  /** Until when a plain notice is shown, unless it is held. */
  until: number;
  /** What it tells of, if it is out of date once that moves on: the session of an offer, or the open monitors. */
  about: string | undefined;
}

const SHOWN = 9_000;
/** The most notices shown. The oldest plain one makes room, or else the oldest. */
const MOST = 6;

/** The notices that are currently shown. */
export class Notices {
  readonly #shown = signal<readonly Notice[]>([]);
  #next = 1;
  #held = false;
  #checkedAt: number | undefined;

  /** The notices shown, oldest first. */
  readonly shown: ReadonlySignal<readonly Notice[]> = this.#shown;

  /** Shows a notice. It replaces one with the same text and tone. */
  add(text: string, tone: Notice["tone"], now: number, about?: string): void {
    const notice: Notice = { id: this.#next, text, tone, until: now + SHOWN, about };
    this.#next += 1;
    const others = this.#shown.value.filter((other) => other.text !== text || other.tone !== tone);
    const least = others.find((other) => other.tone === "plain") ?? others[0];
    const kept = others.length < MOST ? others : others.filter((other) => other !== least);
    this.#shown.value = [...kept, notice];
  }

  /** Removes a notice. */
  remove(id: number): void {
    this.#keep((notice) => notice.id !== id);
  }

  /** Removes the notices about something that has moved on, such as the earlier offers of a session. */
  overtake(about: string): void {
    this.#keep((notice) => notice.about !== about);
  }

  /** Notes whether the user points at a notice or has the focus in one: none expires then. */
  hold(held: boolean): void {
    this.#held = held;
  }

  /** Removes the plain notices that were shown long enough. Time while they are held or not `seen` does not count. */
  expire(now: number, seen = true): void {
    const since = now - (this.#checkedAt ?? now);
    this.#checkedAt = now;
    if (!this.#held && seen) this.#keep((notice) => notice.tone === "bad" || now < notice.until);
    else if (this.#shown.value.length > 0) {
      this.#shown.value = this.#shown.value.map((notice) => ({ ...notice, until: notice.until + since }));
    }
  }

  /** Removes all notices. */
  clear(): void {
    this.#keep(() => false);
  }

  #keep(stays: (notice: Notice) => boolean): void {
    const shown = this.#shown.value.filter(stays);
    // Removing the last notice under the pointer or focus fires no leave event, so release the hold here.
    if (shown.length === 0) this.#held = false;
    if (shown.length !== this.#shown.value.length) this.#shown.value = shown;
  }
}
