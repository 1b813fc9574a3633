/** A browser whose storage is full. */
import { vi } from "vitest";

/** Makes `localStorage` refuse all changes until the globals are unstubbed. */
export function fillStorage(): void {
  const full = () => {
    throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
  };
  const stored = localStorage;
  vi.stubGlobal("localStorage", { getItem: (key: string) => stored.getItem(key), setItem: full, removeItem: full });
}
