/** What a screen reader is told, politely and only once. */
import { type ReadonlySignal, signal } from "@preact/signals";

/** One announcement. */
export interface Announcement {
  id: number;
  text: string;
}

const KEPT = 8;

/** The announcements of one page. */
export class Announcer {
  readonly #said = signal<readonly Announcement[]>([]);
  #next = 1;

  /** The latest announcements, oldest first. */
  readonly said: ReadonlySignal<readonly Announcement[]> = this.#said;

  /** Announces a text. */
  say(text: string): void {
    this.#said.value = [...this.#said.value.slice(1 - KEPT), { id: this.#next, text }];
    this.#next += 1;
  }

  /** Forgets the announcements: the next user of this page must not get them. */
  clear(): void {
    this.#said.value = [];
  }
}
