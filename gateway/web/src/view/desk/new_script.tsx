import { useEffect, useRef } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import { SCRIPT_NAME_LIMIT } from "../../app/desk/scripts";
import { length, tooMany } from "../parts/text_box";
import { useWrong, WrongLine } from "../parts/wrong";

interface NewScriptProps {
  desk: Desk;
  onKept: () => void;
  onCancel: () => void;
}

/** The form in which the librarian writes a script of their own. */
export function NewScript({ desk, onKept, onCancel }: NewScriptProps) {
  const { draft } = desk.scripts;
  const { name, text } = draft.value;
  const [error, setError] = useWrong();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const replaces = desk.scripts.has(name);
  const left = desk.link.textLimit.value - length(text);
  const save = (event: Event) => {
    event.preventDefault();
    if (left < 0) return setError(tooMany(-left, desk.link.textLimit.value));
    const failure = desk.scripts.add({ name, text });
    if (failure !== undefined) return setError(failure);
    desk.scripts.dropDraft();
    desk.announcer.say(`The script ${name.trim()} is kept.`);
    onKept();
  };
  return (
    <form class="new-script" onSubmit={save} noValidate>
      <div class="field">
        <label for="script-name">Name of the script</label>
        <input
          id="script-name"
          ref={field}
          autoComplete="off"
          maxLength={SCRIPT_NAME_LIMIT}
          value={name}
          aria-describedby="script-name-hint"
          onInput={(event) => {
            draft.value = { ...draft.value, name: event.currentTarget.value };
          }}
        />
        <p id="script-name-hint" class="hint" role="status">
          {replaces && "You already have a script with this name. This one replaces it."}
        </p>
      </div>
      <div class="field">
        <label for="script-text">Text of the script</label>
        <textarea
          id="script-text"
          rows={2}
          value={text}
          aria-invalid={left < 0}
          onInput={(event) => {
            draft.value = { ...draft.value, text: event.currentTarget.value };
          }}
        />
      </div>
      <WrongLine wrong={error} class="hint over" />
      <div class="row-actions">
        <button type="submit" class="button small primary">
          {replaces ? "Replace script" : "Keep script"}
        </button>
        <button type="button" class="button small" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}
