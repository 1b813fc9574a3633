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

/** What the value of a choice begins with that stands for a descriptive code: a library may have one called "any". */
const CODE = "code/";

const codeValue = (code: string) => `${CODE}${code}`;

interface SessionSearchProps {
  /** Becomes the field for the text. */
  box: RefObject<HTMLInputElement | null>;
  search: Search;
  /** The library's descriptive codes. */
  codes: readonly string[];
  onSearch: (search: Search) => void;
}

/**
 * The form in which the user says which ended sessions to list. Choices count at once, the text with Enter or Search.
 */
export function SessionSearch({ box: text, search, codes, onSearch }: SessionSearchProps) {
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
        {codes.length > 0 && (
          <label>
            About
            <select
              value={search.descriptiveCode === undefined ? ANY : codeValue(search.descriptiveCode)}
              onChange={({ currentTarget: { value } }) =>
                look({ descriptiveCode: value === ANY ? undefined : value.slice(CODE.length) })
              }
            >
              <option value={ANY}>Anything</option>
              <option value={codeValue("")}>No descriptive code</option>
              {codes.map((code) => (
                <option key={code} value={codeValue(code)}>
                  {code}
                </option>
              ))}
            </select>
          </label>
        )}
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
