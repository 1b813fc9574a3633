/** What is done in other tabs of the same browser. */

/** Does something each time that another tab has changed what the browser keeps under a key. */
export function onKeptElsewhere(key: () => string | undefined, then: () => void): void {
  addEventListener("storage", (event) => {
    // Without a key, everything was cleared.
    if (event.key === null || event.key === key()) then();
  });
}
