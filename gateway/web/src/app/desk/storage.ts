/**
 * What a librarian's tab remembers across a reload: the token, the log-in name, ids, positions and what was shown.
 * Nothing of a conversation's text is stored here; what is typed and not sent is kept apart from it (kept_drafts.ts).
 */
import type { HeldToken } from "../../token";
import { forget, recall, remember } from "../parts/tab_storage";
import type { StoredPlace } from "./place";
import type { StoredMonitor } from "./presence";

/** What is remembered. */
export interface StoredDesk {
  token: HeldToken;
  /** The name that the librarian logged in with, for when the log-in expires. */
  logInName?: string;
  /** The monitor that this tab is. */
  monitor?: StoredMonitor;
  /** The queues that are monitored. Absent before the librarian has chosen. */
  queueIds?: readonly string[];
  /** Up to which position each session was seen. */
  seen: Record<string, number>;
  /** The ids of the sessions on this tab's desk. */
  held: readonly string[];
  /** What was shown. */
  place?: StoredPlace;
}

const KEY = "carrel.desk";

/** Returns what this tab remembers, if anything. */
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
  const { token, logInName, seen, held, monitor, place } = value as Partial<StoredDesk>;
  const isMonitor = monitor === undefined || typeof monitor?.monitorId === "string";
  const isName = logInName === undefined || typeof logInName === "string";
  const isPlace = place === undefined || (typeof place?.tab === "string" && typeof place.list === "string");
  const isWhole = typeof token?.accessToken === "string" && typeof seen === "object" && Array.isArray(held);
  return isMonitor && isName && isPlace && isWhole;
}
