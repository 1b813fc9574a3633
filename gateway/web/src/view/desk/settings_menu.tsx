import { useRef, useState } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import { Icon } from "../parts/icon";
import { Menu, type MenuEntry, menuOpener } from "../parts/menu";

/** A menu of the settings that are seldom changed. Even a narrow head has room for its one button. */
export function SettingsMenu({ desk }: { desk: Desk }) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const close = (back: boolean) => {
    setOpen(false);
    if (back) button.current?.focus();
  };
  const entries: MenuEntry[] = [
    { label: "Sounds and alerts …", onChoose: () => desk.ask({ kind: "alerts" }) },
    { label: "Keyboard and other settings …", onChoose: () => desk.ask({ kind: "shortcuts" }) },
  ];
  return (
    <span class="settings-menu">
      <button
        ref={button}
        type="button"
        class="button small"
        aria-label="Settings"
        {...menuOpener(
          open,
          () => setOpen(true),
          () => close(true),
        )}
      >
        <Icon name="settings" />
        <span class="settings-word">Settings</span>
      </button>
      {open && <Menu label="Settings" entries={entries} onClose={close} />}
    </span>
  );
}
