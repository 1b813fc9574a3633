import { texts } from "../../texts/texts";
import { Icon } from "./icon";

/** Says that sounds are on, but that the browser plays none until the user has done something on the page (K22). */
export function SoundIsOff() {
  return (
    <span class="tag warn sound-off" role="status">
      <Icon name="bell" /> {texts().head.soundIsOff}
    </span>
  );
}
