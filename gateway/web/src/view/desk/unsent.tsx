import { useRef } from "preact/hooks";
import type { Desk } from "../../app/desk";
import type { Draft } from "../../app/drafts";
import { useFocusAfter } from "../parts/open_tab";
import { throwLeftBehindAway } from "./throw_away";

interface UnsentProps {
  /** What was typed, by the box that it was typed in. */
  texts: Readonly<Record<string, string>>;
}

/** What was typed and can no longer be sent, so that it can be read and copied. */
export function Unsent({ texts }: UnsentProps) {
  return (
    <>
      {Object.entries(texts).map(
        ([box, text]) =>
          text.trim() !== "" && (
            <div key={box} class="unsent">
              <p class="hint">This was not sent:</p>
              <blockquote class="guarded-text">{text}</blockquote>
            </div>
          ),
      )}
    </>
  );
}

/** What was typed in sessions that are not on the desk any more. In its box it is again only where they come back. */
export function LeftBehind({ desk }: { desk: Desk }) {
  const left = desk.leftBehind.value;
  if (left.length === 0) return null;
  return (
    <>
      <h2 class="rows-title">Typed and not sent, no longer on your desk</h2>
      <ul class="left-behind" aria-label="Typed and not sent">
        {left.map(([sessionId, draft]) => (
          <Left key={sessionId} desk={desk} sessionId={sessionId} draft={draft} />
        ))}
      </ul>
    </>
  );
}

function Left({ desk, sessionId, draft }: { desk: Desk; sessionId: string; draft: Draft }) {
  const item = useRef<HTMLLIElement>(null);
  useFocusAfter(item);
  const { patron, note, page, ask, offer, whose } = draft;
  const name = whose || "Patron";
  return (
    <li ref={item}>
      <h3>{name}</h3>
      <Unsent texts={{ patron, note, page, ask, offer }} />
      <button
        type="button"
        class="button small"
        aria-label={`Throw away what was typed for ${name}`}
        onClick={() => throwLeftBehindAway(desk, sessionId)}
      >
        Throw away
      </button>
    </li>
  );
}
