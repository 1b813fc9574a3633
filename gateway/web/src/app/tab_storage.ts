/**
 * What a tab remembers over a reload: tokens, names of things and numbers, and never a word of a conversation. It is gone
 * when the tab is closed.
 */

/** What is stored under a key, if it is what it should be. */
export function recall<T>(key: string, isValid: (value: unknown) => value is T): T | undefined {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(key) ?? "null");
    return isValid(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Stores a value. Where storage is switched off, a reload begins anew. */
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
