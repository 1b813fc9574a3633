/** Changes made in other tabs of the same browser. */

/** Calls `then` each time another tab has changed what is stored under a key. */
export function onKeptElsewhere(key: () => string | undefined, then: () => void): void {
  addEventListener("storage", (event) => {
    // No key means that the storage was cleared.
    if (event.key === null || event.key === key()) then();
  });
}
