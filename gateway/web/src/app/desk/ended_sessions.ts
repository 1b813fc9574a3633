/** The ended sessions of the user's library, and those among them that the user looks for. */
import { create } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type ReadonlySignal, signal } from "@preact/signals";
import { endedSessions } from "../../api";
import type { Resolution, Session } from "../../gen/carrel/session/v1/session_pb";
import { type EndedSessionFilter, EndedSessionFilterSchema } from "../../gen/carrel/session/v1/session_service_pb";
import { PagedList } from "../parts/pages";

/** What the user looks for. Days are in the form of a date field, in the user's time zone; an empty one is no limit. */
export interface Search {
  /** Text in the patron's name or address, in the question, or in the name of who owned it or their library. */
  text: string;
  /** The resolution; `undefined` stands for any. */
  resolution: Resolution | undefined;
  /** A descriptive code, or empty for sessions without any; `undefined` stands for any. */
  descriptiveCode: string | undefined;
  firstDay: string;
  lastDay: string;
}

/** The search that finds all sessions. */
export const EVERYTHING: Search = {
  text: "",
  resolution: undefined,
  descriptiveCode: undefined,
  firstDay: "",
  lastDay: "",
};

/** How many answers without a match follow each other before the user is asked whether to go on. */
const PATIENCE = 20;

/** The sessions that a search finds, read as far as the user wants. */
export class EndedSessions {
  readonly list: PagedList<Session>;
  readonly #searchedTo = signal<Timestamp | undefined>(undefined);
  #isOver = false;

  /** How far back the sessions were looked at; `undefined` if that is all of them, or nothing is known yet. */
  readonly searchedTo: ReadonlySignal<Timestamp | undefined> = this.#searchedTo;

  /** `accessToken` returns the user's current token. */
  constructor(
    readonly search: Search,
    private readonly accessToken: () => string,
  ) {
    const filter = filterOf(search);
    this.list = new PagedList<Session>(async (first) => {
      let pageToken = first;
      // The server answers after a bounded number of sessions, whether one of them matched or not.
      for (let asked = 1; ; asked++) {
        const page = await endedSessions(accessToken(), pageToken, filter);
        this.#searchedTo.value = page.searchedToTime;
        const isEnough = page.sessions.length > 0 || page.nextPageToken === "" || asked === PATIENCE;
        if (isEnough || this.#isOver) return { entries: page.sessions, nextPageToken: page.nextPageToken };
        pageToken = page.nextPageToken;
      }
    });
  }

  /**
   * Brings the list up to date, quietly. One answer is enough for that: whatever is new is at its head, and a session that
   * is found only in a later one ended long ago.
   */
  async update(): Promise<void> {
    const fetchFirst = async () => {
      const { sessions, nextPageToken } = await endedSessions(this.accessToken(), "", filterOf(this.search));
      return { entries: sessions, nextPageToken };
    };
    await this.list.update(fetchFirst, { isSame, isOlder });
  }

  /** Ends a search that is under way: the user looks for something else. */
  end(): void {
    this.#isOver = true;
  }
}

/** Whether what is known of a session is older than `now`. What was erased since does not come back. */
export function isOlder(known: Session, now: Session): boolean {
  return isSame(known, now) && (known.eraseTime === undefined || now.eraseTime !== undefined);
}

function isSame(one: Session, other: Session): boolean {
  return one.sessionId === other.sessionId;
}

/** Returns whether a search may leave sessions out. */
export function isNarrowed({ text, resolution, descriptiveCode, firstDay, lastDay }: Search): boolean {
  const isChosen = resolution !== undefined || descriptiveCode !== undefined;
  return text.trim() !== "" || isChosen || firstDay !== "" || lastDay !== "";
}

/** Returns a search as the server wants it. */
export function filterOf({ text, resolution, descriptiveCode, firstDay, lastDay }: Search): EndedSessionFilter {
  return create(EndedSessionFilterSchema, {
    text: text.trim(),
    resolution,
    descriptiveCode,
    endTimeFrom: startOf(firstDay, 0),
    endTimeBefore: startOf(lastDay, 1),
  });
}

/**
 * Whether this is a day that can be asked for, or none. While a year is typed into a date field, its first digits are a
 * year as well; and the server knows no year of five digits.
 */
export function isDay(date: string): boolean {
  return date === "" || /^[1-9]\d{3}-\d{2}-\d{2}$/.test(date);
}

/** Returns when a day begins that is some days after one in the form of a date field. */
function startOf(date: string, daysLater: number): Timestamp | undefined {
  const [year, month, day] = date.split("-").map(Number);
  if (year === undefined || month === undefined || day === undefined) return undefined;
  return timestampFromMs(new Date(year, month - 1, day + daysLater).getTime());
}
