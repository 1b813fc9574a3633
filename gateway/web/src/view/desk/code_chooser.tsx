import { useId, useRef, useState } from "preact/hooks";
import { MAX_CODES, sameCode } from "../../app/desk/descriptive_codes";
import { withoutCase } from "../../without_case";
import { Icon } from "../parts/icon";

interface CodeChooserProps {
  /** The codes of the patron's library. */
  list: readonly string[];
  chosen: readonly string[];
  onChange: (chosen: readonly string[]) => void;
}

/**
 * What a session was about: a field in which the user types part of a descriptive code and chooses it, and the chosen
 * ones (D65). It is optional, and never in the way of Enter: with nothing typed and no list open, that submits the
 * form.
 */
export function CodeChooser({ list, chosen, onChange }: CodeChooserProps) {
  const [text, setText] = useState("");
  const [isOpen, setOpen] = useState(false);
  /** The option that Enter chooses. */
  const [at, setAt] = useState(-1);
  const field = useRef<HTMLInputElement>(null);
  const id = useId();
  const isFull = chosen.length >= MAX_CODES;
  const options = isFull ? [] : matching(list, chosen, text);
  const isShown = isOpen && options.length > 0;
  const active = isShown ? Math.min(at, options.length - 1) : -1;
  const choose = (code: string) => {
    onChange([...chosen, code]);
    close();
    field.current?.focus();
  };
  /** What is typed in full counts as chosen; the rest was only looked for. */
  const leave = () => {
    const typed = options.find((code) => sameCode(code, text.trim()));
    if (typed !== undefined) onChange([...chosen, typed]);
    close();
  };
  const remove = (code: string) => {
    onChange(chosen.filter((one) => one !== code));
    field.current?.focus();
  };
  const close = () => {
    setText("");
    setOpen(false);
    setAt(-1);
  };
  const move = (step: number) => {
    setOpen(true);
    if (options.length === 0) return;
    const next = isShown ? active + step : step > 0 ? 0 : -1;
    setAt((next + options.length) % options.length);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const option = options[active];
    switch (event.key) {
      case "ArrowDown":
      case "ArrowUp":
        move(event.key === "ArrowDown" ? 1 : -1);
        break;
      case "Enter":
        // What is typed is not chosen yet, so the form must not be sent without it.
        if (option === undefined && text.trim() === "") return;
        if (option !== undefined) choose(option);
        break;
      case "Escape":
        if (!isShown && text === "") return;
        close();
        // The form or the page around this stays as it is.
        event.stopPropagation();
        break;
      case "Backspace": {
        const last = chosen.at(-1);
        if (text !== "" || last === undefined) return;
        remove(last);
        break;
      }
      default:
        return;
    }
    event.preventDefault();
  };
  return (
    <div class="code-chooser">
      <label for={id}>
        What was it about? <span class="code-note">Optional, staff only</span>
      </label>
      <div class="code-field">
        {chosen.length > 0 && (
          <ul class="codes" aria-label="Chosen descriptive codes">
            {chosen.map((code) => (
              <li key={code} class="tag">
                {code}
                <button type="button" aria-label={`Take off ${code}`} onClick={() => remove(code)}>
                  <Icon name="close" />
                </button>
              </li>
            ))}
          </ul>
        )}
        <input
          id={id}
          ref={field}
          role="combobox"
          type="text"
          autoComplete="off"
          aria-autocomplete="list"
          aria-expanded={isShown}
          aria-controls={`${id}-list`}
          aria-activedescendant={active < 0 ? undefined : `${id}-${active}`}
          aria-describedby={`${id}-hint`}
          maxLength={60}
          placeholder={chosen.length === 0 ? "Type or choose a subject" : ""}
          value={text}
          onInput={({ currentTarget: { value } }) => {
            setText(value);
            setOpen(true);
            setAt(value.trim() === "" ? -1 : 0);
          }}
          onClick={() => setOpen(true)}
          onBlur={leave}
          onKeyDown={onKeyDown}
        />
        {isShown && (
          <div class="code-list" role="listbox" id={`${id}-list`} aria-label="Descriptive codes">
            {options.map((code, n) => (
              // The keyboard chooses it from the field.
              // biome-ignore lint/a11y/useKeyWithClickEvents: see above
              <div
                key={code}
                ref={(option) => {
                  if (n === active) option?.scrollIntoView?.({ block: "nearest" });
                }}
                id={`${id}-${n}`}
                role="option"
                tabIndex={-1}
                aria-selected={n === active}
                class={n === active ? "active" : undefined}
                // The field keeps the focus.
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => choose(code)}
              >
                {code}
              </div>
            ))}
          </div>
        )}
      </div>
      <p class="hint" id={`${id}-hint`} role="status">
        {hintOf(isFull, text, options)}
      </p>
    </div>
  );
}

function hintOf(isFull: boolean, text: string, options: readonly string[]): string {
  if (isFull) return `${MAX_CODES} are the most. Take one off to choose another.`;
  if (text.trim() !== "" && options.length === 0) return "Not in the list of the patron's library.";
  return "";
}

/**
 * The codes with this text in them that are not chosen yet: those that begin with it first, otherwise as they are
 * listed.
 */
function matching(list: readonly string[], chosen: readonly string[], text: string): string[] {
  const wanted = withoutCase(text.trim());
  const found = list.filter((code) => withoutCase(code).includes(wanted) && !chosen.some((one) => sameCode(one, code)));
  const begins = (code: string) => withoutCase(code).startsWith(wanted);
  return [...found.filter(begins), ...found.filter((code) => !begins(code))];
}
