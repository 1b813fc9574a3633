import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";

/** Moves the focus to the open tab, of the lists or else of the desk, if the element that had it is gone. */
export function focusOpenTab(): void {
  requestAnimationFrame(() => {
    if (document.activeElement !== document.body) return;
    const open = "[role=tab][aria-selected=true]";
    const tab = document.querySelector<HTMLElement>(`main ${open}`) ?? document.querySelector<HTMLElement>(open);
    tab?.focus();
  });
}

/**
 * Moves the focus to the open tab when the element that has it is removed. A focus elsewhere is left alone, since a
 * screen reader follows the focus.
 */
export function useFocusAfter(element: RefObject<HTMLElement | null>): void {
  // A layout effect is cleaned up before the element is removed.
  useLayoutEffect(
    () => () => {
      if (element.current?.contains(document.activeElement)) focusOpenTab();
    },
    [],
  );
}
