import { texts } from "../../texts/texts";

interface VolumeProps {
  /** How loud it is, from 0 to 1. */
  value: number;
  onChange: (value: number) => void;
  /** Called when the user lets go of the slider, so that the chosen volume can be played to them. */
  onChosen?: () => void;
}

/** A slider for how loud sounds are. */
export function Volume({ value, onChange, onChosen }: VolumeProps) {
  const percent = Math.round(value * 100);
  return (
    <label class="volume">
      <span class="volume-word">{texts().head.volume}</span>
      <input
        type="range"
        min="0"
        max="100"
        step="5"
        value={percent}
        aria-valuetext={texts().head.perCent(percent)}
        onInput={(event) => onChange(Number(event.currentTarget.value) / 100)}
        onChange={onChosen}
      />
    </label>
  );
}
