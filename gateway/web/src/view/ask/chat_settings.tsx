import { useId, useState } from "preact/hooks";
import type { PatronChat } from "../../app/ask/chat";
import { patronSound, patronVolume } from "../../app/parts/settings";
import { texts } from "../../texts/texts";
import { Hidden } from "../parts/hidden";
import { Icon } from "../parts/icon";
import { SoundIsOff } from "../parts/sound_is_off";
import { Switch } from "../parts/switch";
import { ThemeSwitch } from "../parts/theme_switch";
import { Volume } from "../parts/volume";
import { LanguageSwitch } from "./language_switch";

/** Lets the patron choose a sound and its volume, as librarians do. The choice is remembered in this browser (K22). */
export function SoundChoice({ chat }: { chat: PatronChat }) {
  return (
    <span class="sound-choice">
      <Switch of={patronSound} class="sound-switch">
        <span title={texts().head.soundTitle}>
          {texts().head.sound}
          <Hidden>{texts().head.soundWhen}</Hidden>
        </span>
      </Switch>
      {patronSound.value && (
        <Volume
          value={patronVolume.value}
          onChange={(value) => {
            patronVolume.value = value;
          }}
          onChosen={() => chat.sound.sample()}
        />
      )}
    </span>
  );
}

/** Says that the language which the patron has chosen could not be fetched. */
export function LanguageFailure({ chat }: { chat: PatronChat }) {
  const words = chat.language.failure.value;
  return words === "" ? null : (
    <span class="hint over" role="alert">
      {words}
    </span>
  );
}

/**
 * The same choices as in the head of the page, behind one button. Only a low window shows it, which has no room for
 * that head beside the conversation (ask_short.css).
 */
export function ChatSettings({ chat }: { chat: PatronChat }) {
  const [isOpen, setIsOpen] = useState(false);
  const id = useId();
  const { soundAndColours, soundColoursAndLanguage } = texts().head;
  const label = chat.language.offers.value.length > 0 ? soundColoursAndLanguage : soundAndColours;
  return (
    <>
      <button
        type="button"
        class="icon-button low-only"
        aria-label={label}
        title={label}
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        onClick={() => setIsOpen(!isOpen)}
      >
        <Icon name="settings" />
      </button>
      {isOpen && (
        <div id={id} class="chat-settings low-only">
          {chat.sound.isOff.value && <SoundIsOff />}
          <SoundChoice chat={chat} />
          <LanguageSwitch of={chat.language} />
          <ThemeSwitch />
          <LanguageFailure chat={chat} />
        </div>
      )}
    </>
  );
}
