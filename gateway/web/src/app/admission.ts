/** A patron's way into their session, which the tab remembers over a reload. */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { HeldToken } from "../token";
import { forget, recall, remember } from "./tab_storage";

/** The session, and the token that lets the patron take part in it. */
export interface Admission {
  sessionId: string;
  token: HeldToken;
  /** Whether the library has taken the patron's question, as far as this tab was told. */
  taken?: boolean;
}

/** The admission that one page has, if any. */
export class HeldAdmission {
  readonly #current = signal<Admission | undefined>(undefined);

  /** The admission. */
  readonly current: ReadonlySignal<Admission | undefined> = this.#current;

  /** `key` is under which the tab remembers it. */
  constructor(private readonly key: string) {}

  /** Takes up what the tab remembers, and gives it. */
  recall(): Admission | undefined {
    this.#current.value = recall(this.key, isAdmission);
    return this.#current.value;
  }

  /** Holds an admission, and remembers it. */
  hold(admission: Admission): void {
    this.#current.value = admission;
    remember(this.key, admission);
  }

  /** Changes the admission that there is. Without one, nothing happens. */
  change(change: Partial<Admission>): void {
    const admission = this.#current.value;
    if (admission !== undefined) this.hold({ ...admission, ...change });
  }

  /** Gives the admission up, and forgets it. */
  drop(): void {
    this.#current.value = undefined;
    forget(this.key);
  }
}

function isAdmission(value: unknown): value is Admission {
  if (typeof value !== "object" || value === null) return false;
  const { sessionId, token } = value as Partial<Admission>;
  return typeof sessionId === "string" && typeof token?.accessToken === "string";
}
