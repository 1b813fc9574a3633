/** What staff should know about the libraries whose patrons they may answer: policies and scripts (D37, D38). */
import { type ReadonlySignal, signal } from "@preact/signals";
import { ApiError, profile } from "../../api";
import type { LibraryPolicy } from "../../gen/carrel/directory/v1/directory_service_pb";

/** How long what was read counts as up to date. */
const FRESH_FOR = 10 * 60_000;

/**
 * The policies. They may be long, so they are read when the user looks at them, and again when they may have changed.
 */
export class Policies {
  readonly #all = signal<readonly LibraryPolicy[] | undefined>(undefined);
  readonly #error = signal("");
  #reading: Promise<void> | undefined;
  #staleAt = 0;
  /** Incremented when everything must be read again: answers to earlier requests are then ignored. */
  #turn = 0;

  /** The policies by the libraries' names, or `undefined` before the first answer. */
  readonly all: ReadonlySignal<readonly LibraryPolicy[] | undefined> = this.#all;
  /** Why they could not be read; empty if nothing went wrong. */
  readonly error: ReadonlySignal<string> = this.#error;

  constructor(private readonly accessToken: () => string) {}

  /** Reads them unless they are up to date. Called when the user looks at them. */
  look(): void {
    if (Date.now() >= this.#staleAt) void this.read();
  }

  /** Reads them. Those read before are shown until the answer arrives. */
  read(): Promise<void> {
    this.#reading ??= this.#read(this.#turn);
    return this.#reading;
  }

  /** Marks them as out of date: the desk is back after it was cut off, and they may have changed meanwhile. */
  stale(): void {
    this.#turn += 1;
    this.#staleAt = 0;
    this.#reading = undefined;
  }

  /** Forgets them, since somebody else may be at the desk next. */
  clear(): void {
    this.stale();
    this.#all.value = undefined;
    this.#error.value = "";
  }

  async #read(turn: number): Promise<void> {
    this.#error.value = "";
    let found: readonly LibraryPolicy[] = [];
    let error = "";
    try {
      found = (await profile(this.accessToken())).profile?.policies ?? [];
    } catch (failure) {
      error = failure instanceof ApiError ? failure.message : "They could not be read.";
    }
    if (turn !== this.#turn) return;
    this.#reading = undefined;
    this.#error.value = error;
    if (error !== "") return;
    this.#all.value = found;
    this.#staleAt = Date.now() + FRESH_FOR;
  }
}
