/** What a user has chosen for this browser. Nothing about anyone's session is ever stored here. */
import { effect, signal } from "@preact/signals";

/** Light, dark, or as the system has it. */
export type Theme = "system" | "light" | "dark";

const THEME = "carrel.theme";
const GUARD = "carrel.guard";
const HELP_KEY = "carrel.help-key";

/** The theme. */
export const theme = signal<Theme>(readTheme());
/** Whether to ask before a message is sent that may be meant as a note. */
export const guard = signal(read(GUARD) !== "off");
/** Whether the key ? opens the list of shortcuts. */
export const helpKey = signal(read(HELP_KEY) !== "off");

effect(() => {
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
  write(THEME, theme.value === "system" ? "" : theme.value);
});
effect(() => write(GUARD, guard.value ? "" : "off"));
effect(() => write(HELP_KEY, helpKey.value ? "" : "off"));

function readTheme(): Theme {
  const stored = read(THEME);
  return stored === "light" || stored === "dark" ? stored : "system";
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // Storage is switched off: the choice holds until the page is left.
  }
}

function write(key: string, value: string): void {
  try {
    if (value === "") localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // As above.
  }
}
