/** A browser that stores nothing more. */
import { vi } from "vitest";

/** Has `localStorage` refuse whatever is to be stored, until the globals are unstubbed. */
export function fillStorage(): void {
  const full = () => {
    throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
  };
  const stored = localStorage;
  vi.stubGlobal("localStorage", { getItem: (key: string) => stored.getItem(key), setItem: full, removeItem: full });
}
