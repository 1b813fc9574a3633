/** A patron's admission to their session, which the tab remembers across a reload. */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { HeldToken } from "../../token";
import { forget, recall, remember } from "../parts/tab_storage";
import type { ChatMemory } from "./chat_memory";
import { isLeft } from "./left_chats";
import type { OpenChat } from "./remembered_chats";

/** A session, and the token that lets the patron take part in it. */
export interface Admission {
  sessionId: string;
  token: HeldToken;
  /** Whether the patron's question was accepted, as far as this tab knows. */
  taken?: boolean;
  /** When the session began, in milliseconds since 1970, as long as it has not ended and the patron may take part. */
  openSince?: number | undefined;
  /** Up to which position the patron has seen the session. */
  seen?: number;
}

/** How often the admission to a chat that runs is remembered again, in milliseconds: a frame's cookies do not last. */
const REFRESHED = 60_000;

/** The admission that one page has, if any. */
export class HeldAdmission {
  readonly #current = signal<Admission | undefined>(undefined);
  /** When it was last remembered, by the local clock. */
  #rememberedAt = Date.now();

  /** The current admission. */
  readonly current: ReadonlySignal<Admission | undefined> = this.#current;

  /**
   * `key` is the storage key under which the tab remembers it; `memory` is what the browser remembers beyond the tab.
   */
  constructor(
    private readonly key: string,
    private readonly memory: ChatMemory,
  ) {}

  /** Restores the admission that the tab remembers, and returns it. */
  recall(): Admission | undefined {
    const found = recall(this.key, isAdmission);
    // The tab was closed or away while its chat was left from another one.
    const admission = found !== undefined && isLeft(found.sessionId) ? undefined : found;
    if (admission === undefined) forget(this.key);
    this.#current.value = admission;
    this.memory.follow(admission && openChat(admission));
    return admission;
  }

  /** Holds an admission, and remembers it. */
  hold(admission: Admission): void {
    this.#current.value = admission;
    this.#remember(admission);
    this.memory.follow(openChat(admission));
  }

  /** Changes the admission, if there is one. */
  change(change: Partial<Admission>): void {
    const admission = this.#current.value;
    if (admission !== undefined) this.hold({ ...admission, ...change });
  }

  /** Does what time brings; called each second. */
  tick(): void {
    const admission = this.#current.value;
    if (admission?.openSince === undefined) return;
    // A clock that was set back must not end it.
    if (Math.abs(Date.now() - this.#rememberedAt) >= REFRESHED) this.#remember(admission);
  }

  /** Drops the admission, and forgets it. */
  drop(): void {
    this.#current.value = undefined;
    forget(this.key);
    this.memory.follow(undefined);
  }

  #remember(admission: Admission): void {
    this.#rememberedAt = Date.now();
    remember(this.key, admission);
  }
}

/** Returns the chat to come back to, if it has not ended. */
function openChat({ sessionId, token, openSince }: Admission): OpenChat | undefined {
  return openSince === undefined ? undefined : { sessionId, token, began: openSince };
}

function isAdmission(value: unknown): value is Admission {
  if (typeof value !== "object" || value === null) return false;
  const { sessionId, token } = value as Partial<Admission>;
  return typeof sessionId === "string" && typeof token?.accessToken === "string";
}
