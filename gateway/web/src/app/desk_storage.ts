/** What a librarian's tab remembers over a reload: the token, ids and positions. No word of a conversation. */
import type { HeldToken } from "../token";
import { forget, recall, remember } from "./tab_storage";

/** What is remembered. */
export interface StoredDesk {
  token: HeldToken;
  /** The queues that are watched. Absent before the librarian has chosen. */
  queueIds?: readonly string[];
  /** Up to which position each session was seen. */
  seen: Record<string, number>;
  /** The sessions that lie on this tab's desk. */
  held: readonly string[];
}

const KEY = "carrel.desk";

/** What this tab remembers, if anything. */
export function recallDesk(): StoredDesk | undefined {
  return recall(KEY, isStoredDesk);
}

/** Remembers the desk. */
export function rememberDesk(desk: StoredDesk): void {
  remember(KEY, desk);
}

/** Forgets the desk. */
export function forgetDesk(): void {
  forget(KEY);
}

function isStoredDesk(value: unknown): value is StoredDesk {
  if (typeof value !== "object" || value === null) return false;
  const { token, seen, held } = value as Partial<StoredDesk>;
  return typeof token?.accessToken === "string" && typeof seen === "object" && Array.isArray(held);
}
