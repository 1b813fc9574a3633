/** What is different for a page in a frame of a library's own web site (D85). */

/** Whether the page is shown in a frame. */
export function isEmbedded(): boolean {
  return window.parent !== window;
}

/** Whether the patron has come into the frame, before there was anything in it to have the focus. */
let isAwaited = false;

/** What has the focus of whoever comes into the frame: where they write or, without that, what the page is about. */
const FIRST = ["#message", "#question", "h1[tabindex]"];

/**
 * Gives the focus to an element, as when something new is shown. In a frame, that must not take the focus from the page
 * around it, where the patron may be busy: then only who comes into the frame gets there.
 */
export function takeFocus(element: HTMLElement | null | undefined): void {
  if (!element || (isEmbedded() && !isAwaited && !document.hasFocus())) return;
  element.focus();
  // What takes no focus, as a heading of what is still on its way, does not count.
  if (document.activeElement === element) isAwaited = false;
}

/** Gives the focus to where the patron writes, at once or as soon as it is there: they have come into the frame. */
export function focusWhenReady(): void {
  isAwaited = true;
  takeFocus(FIRST.map((selector) => document.querySelector<HTMLElement>(selector)).find((found) => found !== null));
}

/** Notes that the patron has gone elsewhere, and must not be called back when something is there. */
export function cancelFocus(): void {
  isAwaited = false;
}
