/** What staff should know of the libraries whose patrons they may answer: policies and scripts (D37, D38). */
import { type ReadonlySignal, signal } from "@preact/signals";
import { ApiError, profile } from "../api";
import type { LibraryPolicy } from "../gen/carrel/directory/v1/directory_service_pb";

/** For how long what was read is taken for what the directory says. */
const FRESH_FOR = 10 * 60_000;

/** The policies, which may be long: they are read when somebody looks at them, and again when they may have changed. */
export class Policies {
  readonly #all = signal<readonly LibraryPolicy[] | undefined>(undefined);
  readonly #error = signal("");
  #reading: Promise<void> | undefined;
  #staleAt = 0;
  /** Goes up when all is to be read anew: what was asked for before that does not count then. */
  #turn = 0;

  /** The policies by the libraries' names, or nothing before the first answer. */
  readonly all: ReadonlySignal<readonly LibraryPolicy[] | undefined> = this.#all;
  /** Why they could not be read, if they could not. */
  readonly error: ReadonlySignal<string> = this.#error;

  constructor(private readonly accessToken: () => string) {}

  /** Reads them unless what was read is still fresh. Somebody looks at them. */
  look(): void {
    if (Date.now() >= this.#staleAt) void this.read();
  }

  /** Reads them. What was read before is shown until there is an answer. */
  read(): Promise<void> {
    this.#reading ??= this.#read(this.#turn);
    return this.#reading;
  }

  /** The desk is back after it was cut off, so they may have changed meanwhile. */
  stale(): void {
    this.#turn += 1;
    this.#staleAt = 0;
    this.#reading = undefined;
  }

  /** Forgets them: somebody else may be at the desk next. */
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
