import { useRef } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import type { Draft } from "../../app/desk/drafts";
import { unsentWords } from "../../app/desk/unsent_words";
import { useFocusAfter } from "../parts/open_tab";
import { throwLeftBehindAway } from "./throw_away";

/** All that is typed, on its way or refused, for a user who may not get back to the boxes that hold it. */
export function AllUnsent({ desk }: { desk: Desk }) {
  const words = unsentWords(desk);
  if (words.length === 0) return null;
  return (
    <details class="all-unsent">
      <summary>What you have typed but not sent</summary>
      <ul class="left-behind">
        {words.map(({ key, whom, texts, doubtful }) => (
          <li key={key}>
            <h3>{whom}</h3>
            <Unsent texts={texts} doubtful={doubtful} />
          </li>
        ))}
      </ul>
    </details>
  );
}

interface UnsentProps {
  /** The texts, keyed by the box that they were typed in. */
  texts: Readonly<Record<string, string>>;
  /** The boxes with text that was on its way. */
  doubtful: ReadonlySet<string>;
}

/** Shows what was typed or on its way and can no longer be sent, so that it can be read and copied. */
export function Unsent({ texts, doubtful }: UnsentProps) {
  return (
    <>
      {Object.entries(texts).map(
        ([box, text]) =>
          text.trim() !== "" && (
            <div key={box} class="unsent">
              <p class="hint">{doubtful.has(box) ? "Not confirmed as sent:" : "Not sent:"}</p>
              <blockquote class="guarded-text">{text}</blockquote>
            </div>
          ),
      )}
    </>
  );
}

/** What was typed in sessions that are no longer on the desk. It is back in its box only if its session comes back. */
export function LeftBehind({ desk }: { desk: Desk }) {
  const left = desk.leftBehind.value;
  if (left.length === 0) return null;
  return (
    <>
      <h2 class="rows-title">Typed but not sent, no longer on your desk</h2>
      <ul class="left-behind" aria-label="Typed but not sent">
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
  const { patron, note, page, ask, offer, whose, doubtful } = draft;
  const name = whose || "Patron";
  return (
    <li ref={item}>
      <h3>{name}</h3>
      <Unsent texts={{ patron, note, page, ask, offer }} doubtful={doubtful} />
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
