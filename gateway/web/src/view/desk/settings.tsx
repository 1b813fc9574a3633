import type { ComponentChildren } from "preact";
import type { Desk } from "../../app/desk/desk";
import { guard, helpKey } from "../../app/parts/settings";
import { Dialog } from "../parts/dialog";
import { Switch } from "../parts/switch";
import { ThemeSwitch } from "../parts/theme_switch";
import { AlertSettings } from "./alert_settings";

/** The keys, and what each does. Keys of those who may supervise are listed for them only. */
const shortcuts = (maySupervise: boolean): readonly (readonly [string, string])[] => [
  ["↑ ↓", "Move through a list"],
  ["Enter", "Pick up, open or enter the session of a row; send what is in a box"],
  ["Shift + Enter", "Start a new line in a box"],
  ["Shift + F10", "Open the menu of a row; so does the menu key"],
  ["Alt + Shift + 1", "Go to New"],
  ["Alt + Shift + 2", "Go to My Active"],
  ...(maySupervise ? ([["Alt + Shift + 3", "Go to All"]] as const) : []),
  ["Alt + Shift + 4", "Go to Librarians"],
  ["Alt + Shift + J", "Open the next session under My Active"],
  ["Alt + Shift + K", "Open the one before"],
  ["Alt + Shift + W", "Open the session whose patron has waited longest for your answer"],
  ["Alt + Shift + I", "Go to IM, or to OK when somebody asks for an IM session"],
  ["Alt + Shift + M", "Write to the patron"],
  ["Alt + Shift + S", "Open the scripts"],
  ["Alt + Shift + N", "Write a note"],
  ["Alt + Shift + T", "Go to a transfer that is offered to you"],
  ["Esc", "Close a dialog without doing anything"],
  ["?", "Open this list"],
];

/** The dialog for how the librarian is alerted. */
export function AlertsDialog({ desk }: { desk: Desk }) {
  return (
    <Settings desk={desk} title="Sounds and alerts">
      <AlertSettings desk={desk} />
    </Settings>
  );
}

/** The dialog that lists the keyboard shortcuts, with the other settings. */
export function ShortcutsDialog({ desk }: { desk: Desk }) {
  return (
    <Settings desk={desk} title="Keyboard and other settings">
      <div class="settings-columns">
        <dl class="shortcuts">
          {shortcuts(desk.maySupervise.value).map(([keys, does]) => (
            <div key={keys}>
              <dt>
                <kbd>{keys}</kbd>
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
        <div>
          <Switch of={guard}>Ask before I answer a note in the patron's box</Switch>
          <Switch of={helpKey}>Open this list with the ? key</Switch>
          <div class="theme-choice">
            Colours <ThemeSwitch />
          </div>
        </div>
      </div>
    </Settings>
  );
}

interface SettingsProps {
  desk: Desk;
  title: string;
  children: ComponentChildren;
}

/** A dialog in which each choice takes effect at once. */
function Settings({ desk, title, children }: SettingsProps) {
  return (
    <Dialog title={title} class="settings" onCancel={() => desk.cancel()}>
      {children}
      <div class="dialog-actions">
        <button type="button" class="button primary" data-first onClick={() => desk.cancel()}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
