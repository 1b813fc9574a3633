/** A patron's admission to their session, which the tab remembers across a reload. */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { HeldToken } from "../../token";
import { forget, recall, remember } from "../parts/tab_storage";

/** A session, and the token that lets the patron take part in it. */
export interface Admission {
  sessionId: string;
  token: HeldToken;
  /** Whether the patron's question was accepted, as far as this tab knows. */
  taken?: boolean;
  /** Up to which position the patron has seen the session. */
  seen?: number;
}

/** The admission that one page has, if any. */
export class HeldAdmission {
  readonly #current = signal<Admission | undefined>(undefined);

  /** The current admission. */
  readonly current: ReadonlySignal<Admission | undefined> = this.#current;

  /** `key` is the storage key under which the tab remembers it. */
  constructor(private readonly key: string) {}

  /** Restores the admission that the tab remembers, and returns it. */
  recall(): Admission | undefined {
    this.#current.value = recall(this.key, isAdmission);
    return this.#current.value;
  }

  /** Holds an admission, and remembers it. */
  hold(admission: Admission): void {
    this.#current.value = admission;
    remember(this.key, admission);
  }

  /** Changes the admission, if there is one. */
  change(change: Partial<Admission>): void {
    const admission = this.#current.value;
    if (admission !== undefined) this.hold({ ...admission, ...change });
  }

  /** Drops the admission, and forgets it. */
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
