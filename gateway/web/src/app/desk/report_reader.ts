/** Reads the ended sessions of a span and makes the report of them. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { type ReadonlySignal, signal } from "@preact/signals";
import { ApiError, endedSessions } from "../../api";
import { EVERYTHING, filterOf } from "./ended_sessions";
import { type Report, Reporting } from "./report";
import type { Span } from "./report_span";

/** The most sessions that the server puts on one page. */
const PAGE = 200;

/** How far the sessions of a span were read. */
export interface Progress {
  sessions: number;
  /** When the last of them ended; the latest come first. */
  backTo: Timestamp | undefined;
}

/** The report of one span, from the first request to the last. */
export class ReportReader {
  readonly #report = signal<Report | undefined>(undefined);
  readonly #progress = signal<Progress>({ sessions: 0, backTo: undefined });
  readonly #error = signal("");
  readonly #reporting: Reporting;
  #pageToken = "";
  #busy = false;
  #isOver = false;

  /** The report, once all sessions were read. */
  readonly report: ReadonlySignal<Report | undefined> = this.#report;
  readonly progress: ReadonlySignal<Progress> = this.#progress;
  /** What went wrong; empty if nothing did. */
  readonly error: ReadonlySignal<string> = this.#error;

  /** `accessToken` returns the user's current token. */
  constructor(
    readonly span: Span,
    private readonly accessToken: () => string,
  ) {
    this.#reporting = new Reporting(span);
  }

  /** Reads on from where it came to, to the end. */
  async read(): Promise<void> {
    if (this.#busy || this.#report.value !== undefined) return;
    this.#busy = true;
    this.#error.value = "";
    try {
      const filter = filterOf({ ...EVERYTHING, ...this.span });
      do {
        const page = await endedSessions(this.accessToken(), this.#pageToken, filter, PAGE);
        for (const session of page.sessions) this.#reporting.count(session);
        this.#pageToken = page.nextPageToken;
        const sessions = this.#progress.value.sessions + page.sessions.length;
        this.#progress.value = { sessions, backTo: page.searchedToTime };
      } while (this.#pageToken !== "" && !this.#isOver);
      if (!this.#isOver) this.#report.value = this.#reporting.report();
    } catch (error) {
      this.#error.value = error instanceof ApiError ? error.message : "The sessions could not be read.";
    } finally {
      this.#busy = false;
    }
  }

  /** Ends the reading: the user wants another report. */
  end(): void {
    this.#isOver = true;
  }
}
