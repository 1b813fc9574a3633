/**
 * What a tab remembers across a reload: tokens, names and numbers, but no text of a conversation. It is gone when the tab
 * is closed.
 */

/** Returns what is stored under a key, if it is valid. */
export function recall<T>(key: string, isValid: (value: unknown) => value is T): T | undefined {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(key) ?? "null");
    return isValid(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Stores a value. If storage is switched off, the page starts afresh after a reload. */
export function remember(key: string, value: unknown): void {
  try {
    sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Nothing depends on it.
  }
}

/** Removes what is stored under a key. */
export function forget(key: string): void {
  try {
    sessionStorage.removeItem(key);
  } catch {
    // Nothing was stored.
  }
}
