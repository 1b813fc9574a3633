/** The figures of a library's ended sessions (D71). Nothing in them is about a patron. */
import { Resolution, type Session } from "../../gen/carrel/session/v1/session_pb";
import { wasAnsweredElsewhere } from "../../state/owners";
import { milliseconds } from "../../time";
import { withoutCase } from "../../without_case";
import { isByMonth, type Period, periodKey, periodsOf, type Span } from "./report_span";

/** How values spread, in milliseconds. */
export interface Spread {
  /** Half of them are at most this. */
  median: number;
  /** Nine of ten are at most this. */
  ninetieth: number;
}

/** How many sessions were about something. */
export interface About {
  /** The descriptive code. */
  code: string;
  sessions: number;
}

/** The figures of some sessions. */
export class Figures {
  readonly #waits: number[] = [];
  readonly #lengths: number[] = [];
  readonly #resolutions = new Map<Resolution, number>();
  /** By the code in lower case: a library may have come to write it in another way. */
  readonly #codes = new Map<string, About>();
  #sessions = 0;
  #withoutCode = 0;

  /** How many sessions there were. */
  get sessions(): number {
    return this.#sessions;
  }

  /** In how many of them a librarian has picked the patron up. */
  get pickedUp(): number {
    return this.#waits.length;
  }

  /** How long patrons waited until they were picked up for the first time. */
  get wait(): Spread | undefined {
    return spread(this.#waits);
  }

  /** How long the chats took, from the first pick-up to the end. */
  get length(): Spread | undefined {
    return spread(this.#lengths);
  }

  /** How many sessions have a resolution; `UNSPECIFIED` stands for those that a librarian had and has not coded yet. */
  resolved(resolution: Resolution): number {
    return this.#resolutions.get(resolution) ?? 0;
  }

  /** The descriptive codes that sessions have, the most frequent first. A session may have several (D65). */
  get codes(): readonly About[] {
    return [...this.#codes.values()].sort((a, b) => b.sessions - a.sessions);
  }

  /** How many sessions have a descriptive code. */
  about(code: string): number {
    return this.#codes.get(withoutCase(code))?.sessions ?? 0;
  }

  /** How many sessions have no descriptive code. */
  get withoutCode(): number {
    return this.#withoutCode;
  }

  /** Counts a session. */
  count(session: Session): void {
    this.#sessions += 1;
    for (const code of session.descriptiveCodes) {
      const known = this.#codes.get(withoutCase(code));
      this.#codes.set(withoutCase(code), { code: known?.code ?? code, sessions: (known?.sessions ?? 0) + 1 });
    }
    // Where no librarian has ever come there is nothing to code, so nothing is missing.
    const isToCode = session.firstPickUpTime !== undefined;
    if (isToCode && session.descriptiveCodes.length === 0) this.#withoutCode += 1;
    if (isToCode || session.resolution !== Resolution.UNSPECIFIED) {
      this.#resolutions.set(session.resolution, this.resolved(session.resolution) + 1);
    }
    const [asked, pickedUp, ended] = [session.openTime, session.firstPickUpTime, session.endTime].map(milliseconds);
    if (pickedUp === undefined) return;
    this.#waits.push(Math.max(0, pickedUp - (asked ?? pickedUp)));
    this.#lengths.push(Math.max(0, (ended ?? pickedUp) - pickedUp));
  }
}

/** The sessions that one library, or one librarian, answered. */
export interface Answerer {
  /** The librarian's name; of an erased session, only the library is known. Absent for a whole library. */
  name?: string;
  library: string;
  figures: Figures;
}

/** What is reported of one span. */
export interface Report {
  total: Figures;
  /** How many sessions were practice, and so are not counted (D36). */
  practice: number;
  /** How many of the sessions a librarian of another library had last. */
  answeredElsewhere: number;
  periods: readonly (Period & { figures: Figures })[];
  /** The busiest first. */
  libraries: readonly Answerer[];
  librarians: readonly Answerer[];
  /** How many patrons asked on each day of the week, from Monday, in each hour of the day. */
  asked: readonly (readonly number[])[];
}

/** Makes a report of one span from sessions in any order. */
export class Reporting {
  readonly #byMonth: boolean;
  readonly #total = new Figures();
  readonly #periods: readonly (Period & { figures: Figures })[];
  readonly #libraries = new Map<string, Answerer>();
  readonly #librarians = new Map<string, Answerer>();
  readonly #asked = Array.from({ length: 7 }, () => Array.from({ length: 24 }, () => 0));
  #practice = 0;
  #answeredElsewhere = 0;

  constructor(span: Span, today = new Date()) {
    this.#byMonth = isByMonth(span);
    this.#periods = periodsOf(span, today).map((period) => ({ ...period, figures: new Figures() }));
  }

  /** Counts a session. */
  count(session: Session): void {
    if (session.practice || session.resolution === Resolution.PRACTICE) {
      this.#practice += 1;
      return;
    }
    this.#total.count(session);
    const ended = periodKey(new Date(milliseconds(session.endTime) ?? 0), this.#byMonth);
    this.#periods.find(({ key }) => key === ended)?.figures.count(session);
    const asked = new Date(milliseconds(session.openTime) ?? 0);
    const hours = this.#asked[(asked.getDay() + 6) % 7];
    if (hours !== undefined) hours[asked.getHours()] = (hours[asked.getHours()] ?? 0) + 1;
    const { owner } = session;
    if (owner === undefined) return;
    if (wasAnsweredElsewhere(session)) this.#answeredElsewhere += 1;
    const { institutionName: library, librarianId, name } = owner;
    entry(this.#libraries, library, { library }).figures.count(session);
    const known = librarianId === "" ? { library, name: "" } : { library, name };
    entry(this.#librarians, `${library}/${librarianId}`, known).figures.count(session);
  }

  /** Returns the report of the sessions that were counted. */
  report(): Report {
    return {
      total: this.#total,
      practice: this.#practice,
      answeredElsewhere: this.#answeredElsewhere,
      periods: this.#periods,
      libraries: busiestFirst(this.#libraries),
      librarians: busiestFirst(this.#librarians),
      asked: this.#asked,
    };
  }
}

function entry(all: Map<string, Answerer>, key: string, known: Omit<Answerer, "figures">): Answerer {
  const found = all.get(key) ?? { ...known, figures: new Figures() };
  all.set(key, found);
  return found;
}

function busiestFirst(all: ReadonlyMap<string, Answerer>): Answerer[] {
  return [...all.values()].sort((a, b) => b.figures.sessions - a.figures.sessions);
}

/** Returns how values spread, by their nearest ranks. */
function spread(values: readonly number[]): Spread | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = (part: number) => sorted[Math.ceil(part * sorted.length) - 1];
  const [median, ninetieth] = [rank(0.5), rank(0.9)];
  return median === undefined || ninetieth === undefined ? undefined : { median, ninetieth };
}
