import type { ComponentChildren, Ref } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { takeFocus } from "../../app/parts/embedded";
import { texts } from "../../texts/texts";

interface TextBoxProps {
  id: string;
  label: ComponentChildren;
  value: string;
  limit: number;
  placeholder?: string;
  hint?: ComponentChildren;
  /** The label of the button that sends. */
  action: ComponentChildren;
  onInput: (value: string) => void;
  onSend: () => void;
  boxRef?: Ref<HTMLTextAreaElement>;
  /** What is shown beside the button that sends. */
  beside?: ComponentChildren;
  /** Whether the box takes the focus when it appears. */
  focus?: boolean;
}

const NEAR_LIMIT = 400;

/** Counts the characters of a text as the limit does. */
export function length(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** Says by how much a text is too long, and what the limit is (R23). */
export function tooMany(over: number, limit: number): string {
  return texts().box.tooMany(over, limit);
}

/** The key code that browsers report for a key that an input method has taken. */
const TAKEN = 229;

/**
 * Whether a key belongs to an input method: while one composes, Enter chooses a character. Safari reports the key only
 * after composing is over, and then only the key code tells.
 */
function isComposed(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === TAKEN;
}

/** A box to write in. Enter sends, Shift+Enter begins a new line. */
export function TextBox(props: TextBoxProps) {
  const { id, label, value, limit, placeholder, hint, action, onInput, onSend, beside } = props;
  const own = useRef<HTMLTextAreaElement | null>(null);
  const left = limit - length(value);
  const empty = value.trim() === "";
  /** How often the user has tried to send what is too long. */
  const [tries, setTries] = useState(0);
  const ready = !empty && left >= 0;
  useLayoutEffect(() => {
    const box = own.current;
    if (box === null) return;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight + 2}px`;
  }, [value]);
  useEffect(() => {
    if (props.focus) takeFocus(own.current);
  }, []);
  const send = () => {
    if (ready) onSend();
    else if (left < 0) setTries(tries + 1);
  };
  return (
    <form
      class="text-box"
      onSubmit={(event) => {
        event.preventDefault();
        send();
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
        aria-describedby={`${id}-hint`}
        aria-invalid={left < 0}
        onInput={(event) => onInput(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || isComposed(event)) return;
          event.preventDefault();
          if (!event.repeat) send();
        }}
      />
      <div class="text-box-foot">
        <p id={`${id}-hint`} class="hint">
          {left > NEAR_LIMIT ? (
            hint
          ) : (
            <span class={left < 0 ? "over" : ""}>
              {left < 0 ? `${tooMany(-left, limit)} ${texts().box.shorten}` : texts().box.left(left)}
            </span>
          )}
        </p>
        {left < 0 && (
          // Each try adds it anew, so that screen readers read it out. They would read the count out at every key.
          <span key={tries} class="visually-hidden" role="alert">
            {texts().box.tooLong(limit)}
          </span>
        )}
        {beside}
        <button type="submit" class="button primary send" aria-disabled={!ready}>
          {action}
        </button>
      </div>
    </form>
  );
}
