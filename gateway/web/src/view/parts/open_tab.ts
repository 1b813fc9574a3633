/** Takes the focus to the tab that is open, of the lists or else of the desk, if what had it is gone. */
export function focusOpenTab(): void {
  requestAnimationFrame(() => {
    if (document.activeElement !== document.body) return;
    const open = "[role=tab][aria-selected=true]";
    const tab = document.querySelector<HTMLElement>(`main ${open}`) ?? document.querySelector<HTMLElement>(open);
    tab?.focus();
  });
}
