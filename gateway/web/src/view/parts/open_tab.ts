import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";

/** Takes the focus to the tab that is open, of the lists or else of the desk, if what had it is gone. */
export function focusOpenTab(): void {
  requestAnimationFrame(() => {
    if (document.activeElement !== document.body) return;
    const open = "[role=tab][aria-selected=true]";
    const tab = document.querySelector<HTMLElement>(`main ${open}`) ?? document.querySelector<HTMLElement>(open);
    tab?.focus();
  });
}

/**
 * Takes the focus to the tab that is open when an element goes that has it. Whoever reads elsewhere is not moved: a screen
 * reader goes along with the focus.
 */
export function useFocusAfter(element: RefObject<HTMLElement | null>): void {
  // Of the two kinds of effects, this one ends before the element is taken away.
  useLayoutEffect(
    () => () => {
      if (element.current?.contains(document.activeElement)) focusOpenTab();
    },
    [],
  );
}
