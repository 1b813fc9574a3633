/**
 * What a tab remembers across a reload: tokens, names and numbers, but no text of a conversation. It is gone when the
 * tab is closed.
 */
import { frameStorage, type TabStorage } from "./frame_storage";

/** Returns what is stored under a key, if it is valid. */
export function recall<T>(key: string, isValid: (value: unknown) => value is T): T | undefined {
  try {
    const value: unknown = JSON.parse(storage()?.getItem(key) ?? "null");
    return isValid(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Stores a value. If storage is switched off, the page starts afresh after a reload. */
export function remember(key: string, value: unknown): void {
  try {
    storage()?.setItem(key, JSON.stringify(value));
  } catch {
    // Nothing depends on it.
  }
}

/** Removes what is stored under a key. */
export function forget(key: string): void {
  try {
    storage()?.removeItem(key);
  } catch {
    // Nothing was stored.
  }
}

/** Whether what is stored is there after a reload. */
export function canRemember(): boolean {
  const key = "carrel.probe";
  try {
    const tab = storage();
    tab?.setItem(key, key);
    const isThere = tab?.getItem(key) === key;
    tab?.removeItem(key);
    return isThere;
  } catch {
    return false;
  }
}

function storage(): TabStorage | undefined {
  try {
    return sessionStorage;
  } catch {
    return frameStorage();
  }
}
