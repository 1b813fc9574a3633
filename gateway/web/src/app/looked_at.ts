/** Whether the user is looking at the page. */
export function isLookedAt(): boolean {
  return !document.hidden && document.hasFocus();
}

/** Does something each time that the user begins to look at the page. Gives what ends that. */
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
