/** What a screen reader is told, politely and once. */
import { type ReadonlySignal, signal } from "@preact/signals";

/** One thing to say. */
export interface Announcement {
  id: number;
  text: string;
}

const KEPT = 8;

/** The announcements of one page. */
export class Announcer {
  readonly #said = signal<readonly Announcement[]>([]);
  #next = 1;

  /** The last things that were said. */
  readonly said: ReadonlySignal<readonly Announcement[]> = this.#said;

  /** Says something. */
  say(text: string): void {
    this.#said.value = [...this.#said.value.slice(1 - KEPT), { id: this.#next, text }];
    this.#next += 1;
  }

  /** Forgets what was said: whoever comes next at this page was not told it. */
  clear(): void {
    this.#said.value = [];
  }
}
