import { type Theme, theme } from "../../app/parts/settings";
import { Icon, type IconName } from "./icon";

const ORDER: readonly Theme[] = ["system", "light", "dark"];
const LOOK: Record<Theme, { icon: IconName; text: string }> = {
  system: { icon: "monitor", text: "system default" },
  light: { icon: "sun", text: "light" },
  dark: { icon: "moon", text: "dark" },
};

/** A button that goes through light, dark and the system's choice. */
export function ThemeSwitch() {
  const { icon, text } = LOOK[theme.value];
  const next = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length] ?? "system";
  return (
    <button
      type="button"
      class="icon-button"
      title={`Colours: ${text}. Press for ${LOOK[next].text}.`}
      aria-label={`Colours: ${text}. Change to ${LOOK[next].text}.`}
      onClick={() => {
        theme.value = next;
      }}
    >
      <Icon name={icon} />
    </button>
  );
}
