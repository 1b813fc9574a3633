import type { ComponentChildren, Ref } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

interface TextBoxProps {
  id: string;
  label: ComponentChildren;
  value: string;
  limit: number;
  placeholder?: string;
  hint?: ComponentChildren;
  /** What the sending button says. */
  action: ComponentChildren;
  disabled?: boolean;
  onInput: (value: string) => void;
  onSend: () => void;
  boxRef?: Ref<HTMLTextAreaElement>;
  /** What stands beside the sending button. */
  beside?: ComponentChildren;
  /** Takes the focus when it appears. */
  focus?: boolean;
}

const NEAR_LIMIT = 400;

/** How many characters a text has, as the limit counts them. */
export function length(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** A box to write in. Enter sends, Shift+Enter begins a new line. */
export function TextBox(props: TextBoxProps) {
  const { id, label, value, limit, placeholder, hint, action, disabled = false, onInput, onSend, beside } = props;
  const own = useRef<HTMLTextAreaElement | null>(null);
  const left = limit - length(value);
  const empty = value.trim() === "";
  const ready = !disabled && !empty && left >= 0;
  useLayoutEffect(() => {
    const box = own.current;
    if (box === null) return;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight + 2}px`;
  }, [value]);
  useEffect(() => {
    if (props.focus) own.current?.focus();
  }, []);
  return (
    <form
      class="text-box"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) onSend();
      }}
    >
      <label for={id} class="text-box-label">
        {label}
      </label>
      <textarea
        id={id}
        ref={(element) => {
          own.current = element;
          if (typeof props.boxRef === "function") props.boxRef(element);
          else if (props.boxRef) props.boxRef.current = element;
        }}
        rows={1}
        value={value}
        placeholder={placeholder}
        disabled={disabled}
        aria-describedby={`${id}-hint`}
        aria-invalid={left < 0}
        onInput={(event) => onInput(event.currentTarget.value)}
        onKeyDown={(event) => {
          // While an input method composes, Enter chooses a character.
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          if (ready && !event.repeat) onSend();
        }}
      />
      <div class="text-box-foot">
        <p id={`${id}-hint`} class="hint">
          {left > NEAR_LIMIT ? (
            hint
          ) : (
            <span class={left < 0 ? "over" : ""}>
              {left < 0
                ? `${-left} characters too many. Shorten it, or send it in two parts.`
                : `${left} characters left`}
            </span>
          )}
        </p>
        {beside}
        <button type="submit" class="button primary send" aria-disabled={!ready}>
          {action}
        </button>
      </div>
    </form>
  );
}
