import { type Theme, theme } from "../../app/parts/settings";
import { texts } from "../../texts/texts";
import { Icon, type IconName } from "./icon";

const ORDER: readonly Theme[] = ["system", "light", "dark"];
const LOOK: Record<Theme, IconName> = { system: "monitor", light: "sun", dark: "moon" };

/** A button that goes through light, dark and the system's choice. */
export function ThemeSwitch() {
  const { themes, coloursTitle, colours } = texts().head;
  const now = themes[theme.value];
  const next = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length] ?? "system";
  return (
    <button
      type="button"
      class="icon-button"
      title={coloursTitle(now, themes[next])}
      aria-label={colours(now, themes[next])}
      onClick={() => {
        theme.value = next;
      }}
    >
      <Icon name={LOOK[theme.value]} />
    </button>
  );
}
