import { useEffect, useRef, useState } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import type { SessionView } from "../../state/session";
import { withoutCase } from "../../without_case";
import { Icon } from "../parts/icon";
import { NewScript } from "./new_script";
import { throwScriptAway } from "./throw_away";
import { UnreadPolicies } from "./unread_policies";

interface ScriptsProps {
  desk: Desk;
  view: SessionView;
  /** Puts a script's text into the box. */
  onChoose: (text: string) => void;
  onClose: () => void;
}

interface Script {
  name: string;
  text: string;
}

interface Group {
  id: string;
  title: string;
  scripts: readonly Script[];
}

/**
 * Ready-made texts: those of the patron's library, of the librarian's library, and the librarian's own (D38).
 *
 * Choosing one puts it into the box, where it can still be changed; it sends nothing.
 */
export function Scripts({ desk, view, onChoose, onClose }: ScriptsProps) {
  const [search, setSearch] = useState("");
  const [adding, setAdding] = useState(desk.scripts.isBegun);
  const input = useRef<HTMLInputElement>(null);
  // The form for a new script takes the focus itself.
  const [turns, setTurns] = useState(adding ? 0 : 1);
  useEffect(() => {
    // By now the element that had the focus is gone, and so is the dialog that was open.
    if (turns > 0) input.current?.focus();
  }, [turns]);
  const toSearch = () => setTurns((before) => before + 1);
  const closeNew = () => {
    setAdding(false);
    toSearch();
  };
  const leaveNew = () => throwScriptAway(desk, closeNew);
  const groups = groupsOf(desk, view, search);
  return (
    <section
      id="scripts"
      class="scripts"
      aria-label="Scripts"
      onKeyDown={(event) => {
        if (event.key === "Escape") {
          event.stopPropagation();
          // Esc would empty the search field, even if the user then declines the question.
          event.preventDefault();
          onClose();
        }
        moveAmong(event);
      }}
    >
      <div class="page-push-row">
        <input
          ref={input}
          type="search"
          aria-label="Search the scripts"
          placeholder="Search the scripts"
          autoComplete="off"
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
        <button type="button" class="button" aria-expanded={adding} onClick={adding ? leaveNew : () => setAdding(true)}>
          New script
        </button>
        <button type="button" class="button" onClick={onClose}>
          Close
        </button>
      </div>
      {adding && <NewScript desk={desk} onKept={closeNew} onCancel={leaveNew} />}
      <UnreadPolicies desk={desk} what="The libraries' scripts" />
      <div class="script-groups">
        {groups.map((group) => (
          <fieldset key={group.id} class="script-group">
            <legend>{group.title}</legend>
            {group.scripts.length === 0 && <p class="hint">{search ? "None with that name or text." : "None yet."}</p>}
            {group.scripts.map((script) => (
              <div key={script.name} class="script-line">
                <button type="button" class="script" onClick={() => onChoose(script.text)}>
                  <strong>{script.name}</strong>
                  <span class="script-text">{script.text}</span>
                </button>
                {group.id === OWN && (
                  <button
                    type="button"
                    class="icon-button"
                    aria-label={`Remove the script ${script.name}`}
                    onClick={() => remove(desk, script.name, toSearch)}
                  >
                    <Icon name="close" />
                  </button>
                )}
              </div>
            ))}
          </fieldset>
        ))}
      </div>
    </section>
  );
}

const OWN = "own";

function groupsOf(desk: Desk, view: SessionView, search: string): Group[] {
  const profile = desk.profile.value;
  const libraries = [...new Set([view.session?.institutionId, profile?.institutionId])];
  const groups: Group[] = [];
  for (const id of libraries) {
    const policy = desk.policies.all.value?.find((one) => one.institutionId === id);
    if (policy === undefined || policy.scripts.length === 0) continue;
    groups.push({ id: `library/${id}`, title: policy.institutionName, scripts: found(policy.scripts, search) });
  }
  groups.push({ id: OWN, title: "Your own, in this browser", scripts: found(desk.scripts.all.value, search) });
  return groups;
}

function found(scripts: readonly Script[], search: string): Script[] {
  const wanted = withoutCase(search.trim());
  return scripts.filter(({ name, text }) => withoutCase(`${name}\n${text}`).includes(wanted));
}

/** Removes a script of the librarian's own if the user confirms it, and goes on with `then`. */
function remove(desk: Desk, name: string, then: () => void): void {
  const title = `Remove the script ${name}?`;
  const text = "It is removed from this browser and cannot be brought back.";
  const onConfirm = () => {
    const failure = desk.scripts.remove(name);
    if (failure === undefined) desk.announcer.say(`The script ${name} is removed.`);
    else desk.notify(failure, "bad");
    then();
  };
  desk.ask({ kind: "confirmation", of: { title, text, action: "Remove it", otherwise: "Keep it", onConfirm } });
}

/** Moves the focus from one script to the next with the arrow keys. */
function moveAmong(event: KeyboardEvent): void {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const { currentTarget, target } = event;
  if (!(currentTarget instanceof HTMLElement) || target instanceof HTMLTextAreaElement) return;
  const scripts = [...currentTarget.querySelectorAll<HTMLElement>(".script")];
  const here = scripts.indexOf(target as HTMLElement);
  const next = scripts[event.key === "ArrowDown" ? here + 1 : here - 1];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
