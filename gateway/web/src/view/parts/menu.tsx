/** One thing that a menu can do. */
export interface MenuEntry {
  label: string;
  /** Why it cannot be done at present. The entry stays, and shows the reason. */
  unavailable?: string | undefined;
  onChoose: () => void;
}

interface MenuProps {
  label: string;
  entries: readonly MenuEntry[];
  /** `back` says whether the focus is to return to where the menu was opened: true unless it has moved elsewhere. */
  onClose: (back: boolean) => void;
}

/** Whether a key asks for the menu of what has the focus: the menu key, or Shift+F10 where there is none (D83). */
export function asksForMenu(event: KeyboardEvent): boolean {
  return event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey);
}

/**
 * The attributes of a button that opens a menu and closes it again. An open menu closes when the focus leaves it, so a
 * press on the button must not move the focus: the click would open the menu again.
 */
export function menuOpener(isOpen: boolean, open: () => void, close: () => void) {
  return {
    "aria-haspopup": "menu",
    "aria-expanded": isOpen,
    onMouseDown: (event: MouseEvent) => {
      if (isOpen) event.preventDefault();
    },
    onClick: isOpen ? close : open,
  } as const;
}

/** A menu. It takes the focus; the arrow keys, Home and End go through it, Esc and Tab leave it. */
export function Menu({ label, entries, onClose }: MenuProps) {
  return (
    <div
      class="menu"
      role="menu"
      aria-label={label}
      ref={(element) => {
        if (element && !element.contains(document.activeElement)) element.querySelector("button")?.focus();
      }}
      onFocusOut={(event) => {
        if (event.relatedTarget instanceof Node && event.currentTarget.contains(event.relatedTarget)) return;
        onClose(false);
      }}
      onKeyDown={(event) => {
        const buttons = [...event.currentTarget.querySelectorAll("button")];
        const here = buttons.indexOf(document.activeElement as HTMLButtonElement);
        const to = { ArrowDown: here + 1, ArrowUp: here - 1 + buttons.length, Home: 0, End: buttons.length - 1 }[
          event.key
        ];
        if (to !== undefined) {
          event.preventDefault();
          buttons[to % buttons.length]?.focus();
        }
        if (event.key === "Escape" || event.key === "Tab") {
          event.preventDefault();
          onClose(true);
        }
      }}
    >
      {entries.map((entry) => (
        <button
          key={entry.label}
          type="button"
          role="menuitem"
          tabIndex={-1}
          aria-disabled={entry.unavailable !== undefined}
          onClick={() => {
            if (entry.unavailable !== undefined) return;
            onClose(true);
            entry.onChoose();
          }}
        >
          {entry.label}
          {entry.unavailable !== undefined && <span class="menu-why">{entry.unavailable}</span>}
        </button>
      ))}
    </div>
  );
}
