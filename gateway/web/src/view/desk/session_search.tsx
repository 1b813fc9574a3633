import type { RefObject } from "preact";
import { EVERYTHING, isDay, isNarrowed, type Search } from "../../app/desk/ended_sessions";
import { Resolution } from "../../gen/carrel/session/v1/session_pb";
import { RESOLUTION_CHOICES } from "../../words";

/** The value of the choice that stands for any resolution. */
const ANY = "any";

/** The last day that can be asked for: the end of the next one is the last time that the server can be told. */
const LAST_DAY = "9999-12-30";

/** The same words for every reader: whose "by me" it is does not matter here. */
const CHOICES = RESOLUTION_CHOICES.map(([resolution, words]) => [
  resolution,
  resolution === Resolution.FOLLOW_UP_BY_ME ? "Follow-up by the librarian" : words,
]);

interface SessionSearchProps {
  /** Becomes the field for the text. */
  box: RefObject<HTMLInputElement | null>;
  search: Search;
  onSearch: (search: Search) => void;
}

/** The form in which the user says which ended sessions to list. Choices count at once, the text with Enter or Search. */
export function SessionSearch({ box: text, search, onSearch }: SessionSearchProps) {
  const look = (changed: Partial<Search>) => onSearch({ ...search, text: text.current?.value ?? "", ...changed });
  return (
    <search class="session-search">
      <form
        aria-label="Ended sessions"
        onSubmit={(event) => {
          event.preventDefault();
          look({});
        }}
      >
        <label class="wide">
          Search
          <input
            ref={text}
            type="search"
            maxLength={200}
            autoComplete="off"
            placeholder="Patron, question or librarian"
            defaultValue={search.text}
          />
        </label>
        <label>
          Resolution
          <select
            value={search.resolution ?? ANY}
            onChange={({ currentTarget: { value } }) => look({ resolution: value === ANY ? undefined : Number(value) })}
          >
            <option value={ANY}>Any</option>
            <option value={Resolution.UNSPECIFIED}>Not coded yet</option>
            {CHOICES.map(([resolution, words]) => (
              <option key={resolution} value={resolution}>
                {words}
              </option>
            ))}
          </select>
        </label>
        <label>
          Ended from
          <input
            type="date"
            max={search.lastDay || LAST_DAY}
            value={search.firstDay}
            onChange={({ currentTarget: { value } }) => isDay(value) && look({ firstDay: value })}
          />
        </label>
        <label>
          until
          <input
            type="date"
            min={search.firstDay || undefined}
            max={LAST_DAY}
            value={search.lastDay}
            onChange={({ currentTarget: { value } }) => isDay(value) && look({ lastDay: value })}
          />
        </label>
        <div class="session-search-actions">
          <button type="submit" class="button small primary">
            Search
          </button>
          {isNarrowed(search) && (
            <button
              type="button"
              class="button small plain"
              onClick={() => {
                // The button is gone when all are shown.
                text.current?.focus();
                if (text.current) text.current.value = "";
                onSearch(EVERYTHING);
              }}
            >
              Show all
            </button>
          )}
        </div>
      </form>
    </search>
  );
}
