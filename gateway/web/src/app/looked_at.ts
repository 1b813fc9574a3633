/** Whether the user is looking at the page. */
export function isLookedAt(): boolean {
  return !document.hidden && document.hasFocus();
}

/** Calls `look` each time the user starts looking at the page. Returns a function that stops this. */
export function onLook(look: () => void): () => void {
  const lookIfSo = () => {
    if (isLookedAt()) look();
  };
  addEventListener("focus", lookIfSo);
  document.addEventListener("visibilitychange", lookIfSo);
  return () => {
    removeEventListener("focus", lookIfSo);
    document.removeEventListener("visibilitychange", lookIfSo);
  };
}
