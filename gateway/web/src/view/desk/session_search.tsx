import { useRef } from "preact/hooks";
import { EVERYTHING, isNarrowed, type Search } from "../../app/ended_sessions";
import { Resolution } from "../../gen/carrel/session/v1/session_pb";
import { RESOLUTION_CHOICES } from "../../words";

/** The value of the choice that stands for any resolution. */
const ANY = "any";

/** The same words for every reader: whose "by me" it is does not matter here. */
const CHOICES = RESOLUTION_CHOICES.map(([resolution, words]) => [
  resolution,
  resolution === Resolution.FOLLOW_UP_BY_ME ? "Follow-up by the librarian" : words,
]);

interface SessionSearchProps {
  search: Search;
  onSearch: (search: Search) => void;
}

/** The form in which the user says which ended sessions to list. Choices count at once, the text with Enter or Search. */
export function SessionSearch({ search, onSearch }: SessionSearchProps) {
  const text = useRef<HTMLInputElement>(null);
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
            max={search.lastDay || undefined}
            value={search.firstDay}
            onChange={(event) => look({ firstDay: event.currentTarget.value })}
          />
        </label>
        <label>
          until
          <input
            type="date"
            min={search.firstDay || undefined}
            value={search.lastDay}
            onChange={(event) => look({ lastDay: event.currentTarget.value })}
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
