/** What a librarian's tab remembers over a reload: the token, ids and positions. No word of a conversation. */
import type { HeldToken } from "../token";
import type { StoredMonitor } from "./desk_presence";
import { forget, recall, remember } from "./tab_storage";

/** What is remembered. */
export interface StoredDesk {
  token: HeldToken;
  /** The monitor that this tab is. */
  monitor?: StoredMonitor;
  /** The queues that are monitored. Absent before the librarian has chosen. */
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
  const { token, seen, held, monitor } = value as Partial<StoredDesk>;
  const isMonitor = monitor === undefined || typeof monitor?.monitorId === "string";
  return isMonitor && typeof token?.accessToken === "string" && typeof seen === "object" && Array.isArray(held);
}
