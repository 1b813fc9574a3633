/**
 * What all tabs of the browser share, or in a frame of another site, all tabs of that site. Without storage, it is
 * empty.
 */
import { type SharedStorage, sharedFrameStorage } from "./frame_storage";

/** Returns the keys with a beginning. */
export function sharedKeys(prefix: string): string[] {
  try {
    const keys = storage()?.keys() ?? [];
    return keys.filter((key) => key.startsWith(prefix));
  } catch {
    return [];
  }
}

/** Returns what is stored under a key, or `undefined` if it is nothing or was not written by this page. */
export function recallShared(key: string): unknown {
  try {
    return JSON.parse(storage()?.getItem(key) ?? "null") ?? undefined;
  } catch {
    return undefined;
  }
}

/** Stores a value, if the browser lets it. */
export function rememberShared(key: string, value: unknown): void {
  try {
    storage()?.setItem(key, JSON.stringify(value));
  } catch {
    // Nothing depends on it.
  }
}

/** Removes what is stored under a key. */
export function forgetShared(key: string): void {
  try {
    storage()?.removeItem(key);
  } catch {
    // Nothing was stored.
  }
}

function storage(): SharedStorage | undefined {
  try {
    const all = localStorage;
    return {
      getItem: (key) => all.getItem(key),
      setItem: (key, value) => all.setItem(key, value),
      removeItem: (key) => all.removeItem(key),
      keys: () => Array.from({ length: all.length }, (_, index) => all.key(index) ?? ""),
    };
  } catch {
    return sharedFrameStorage();
  }
}
