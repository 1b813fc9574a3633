/** Whether the user is looking at a page around this one that shows it in a frame, and so at this one too. */
let lookedAtFromThere = false;
/** What is to be called when the user starts looking. */
const lookers = new Set<() => void>();

/** Whether the user is looking at the page. */
export function isLookedAt(): boolean {
  return lookedAtFromThere || (!document.hidden && document.hasFocus());
}

/** Notes what the page around this one says of whether the user is looking at it and can see this one there. */
export function setLookedAtInSite(looking: boolean): void {
  lookedAtFromThere = looking;
  if (looking) for (const look of lookers) look();
}

/** Calls `look` each time the user starts looking at the page. Returns a function that stops this. */
export function onLook(look: () => void): () => void {
  const lookIfSo = () => {
    if (isLookedAt()) look();
  };
  addEventListener("focus", lookIfSo);
  document.addEventListener("visibilitychange", lookIfSo);
  lookers.add(lookIfSo);
  return () => {
    lookers.delete(lookIfSo);
    removeEventListener("focus", lookIfSo);
    document.removeEventListener("visibilitychange", lookIfSo);
  };
}
