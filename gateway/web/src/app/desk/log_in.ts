/** Who is logged in at a desk, and what they may do. */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { ApiError, logIn } from "../../api";
import { type Profile, Role } from "../../gen/carrel/directory/v1/directory_service_pb";
import type { SessionEvent } from "../../gen/carrel/session/v1/session_event_pb";
import { type HeldToken, held } from "../../token";
import { supervises } from "./place";

/** Whether a librarian is logged in: no, yes, or their log-in has expired and they must log in again. */
export type LogInState = "out" | "in" | "again";

/** The log-in of one desk. */
export class LogIn {
  readonly #state = signal<LogInState>("out");
  readonly #profile = signal<Profile | undefined>(undefined);
  readonly #role = computed(() => this.#profile.value?.role ?? Role.UNSPECIFIED);
  #token: HeldToken | undefined;
  #name = "";

  /** Whether a librarian is logged in. */
  readonly state: ReadonlySignal<LogInState> = this.#state;
  /** The librarian. Unknown after a reload, until the server has greeted the desk. */
  readonly profile: ReadonlySignal<Profile | undefined> = this.#profile;
  /** The librarian's id. */
  readonly librarianId = computed(() => this.#profile.value?.librarianId);
  /** The librarian's role. */
  readonly role: ReadonlySignal<Role> = this.#role;
  /** Whether the librarian may enter other librarians' sessions. */
  readonly maySupervise = computed(() => supervises(this.#role.value));
  /** Whether the librarian may erase ended sessions (R20). */
  readonly mayErase = computed(() => this.#role.value >= Role.ADMINISTRATOR);
  /** The name of a queue, or its id if the librarian may not monitor it. */
  readonly queueName = (queueId: string): string =>
    this.#profile.value?.queues.find((queue) => queue.queueId === queueId)?.name ?? queueId;
  /** Whether a queue is for practice (D36). */
  readonly isPractice = (queueId: string): boolean =>
    this.#profile.value?.queues.some((queue) => queue.queueId === queueId && queue.practice) ?? false;
  /** Whether the librarian is the author of an event. */
  readonly isOwn = (event: SessionEvent): boolean => {
    const id = this.librarianId.value;
    return id !== undefined && id !== "" && event.author?.librarianId === id;
  };

  /** The token, if anybody is logged in. */
  get token(): HeldToken | undefined {
    return this.#token;
  }

  /** The name that was last logged in with in this tab. */
  get name(): string {
    return this.#name;
  }

  /**
   * Logs in. Returns what went wrong, if anything. `changes` is called before somebody else takes the place of the
   * librarian who was here.
   */
  async logIn(name: string, password: string, changes: () => void): Promise<string | undefined> {
    try {
      const { token, profile } = await logIn(name, password);
      if (token === undefined || profile === undefined) return "The server's answer was not complete. Try again.";
      if (this.librarianId.value !== profile.librarianId) changes();
      this.#profile.value = profile;
      this.restore(held(token), name);
      return undefined;
    } catch (error) {
      if (!(error instanceof ApiError)) return "Something went wrong. Reload this page, then try again.";
      return error.reason === "WRONG_CREDENTIALS" ? `${error.message} Check both, then try again.` : error.message;
    }
  }

  /** Restores the log-in that the tab remembers. */
  restore(token: HeldToken, name: string): void {
    this.#token = token;
    this.#name = name;
    this.#state.value = "in";
  }

  /** Handles that the token was renewed. */
  renewed(token: HeldToken): void {
    this.#token = token;
  }

  /** Handles that the server has greeted the desk, and has said who the librarian is. */
  welcomed(profile: Profile | undefined): void {
    this.#profile.value = profile ?? this.#profile.value;
  }

  /** Handles that the token has expired. */
  expired(): void {
    if (this.#state.value !== "in") return;
    // After a reload with an expired token the log-in is shown; otherwise the librarian keeps what they see.
    this.#state.value = this.#profile.value === undefined ? "out" : "again";
  }

  /** Logs out. */
  logOut(): void {
    this.#token = undefined;
    this.#profile.value = undefined;
    this.#state.value = "out";
  }
}
