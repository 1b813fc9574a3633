/** A librarian's presence: the announcement of this monitor, their status and queues, and who else is there. */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { newCommandId } from "../../command_id";
import type { Profile } from "../../gen/carrel/directory/v1/directory_service_pb";
import type { ServerFrame } from "../../gen/carrel/gateway/v1/frames_pb";
import { type OwnPresence, Status, type WatchDeskResponse } from "../../gen/carrel/presence/v1/presence_service_pb";
import type { Refusal } from "../../gen/carrel/refusal/v1/refusal_pb";
import { whyRefused } from "../../refusal_words";
import { noQueues, type Queues, reduceQueues } from "../../state/queues";
import { expireLibrarians, noRoster, type Roster, reduceRoster, statusWord } from "../../state/roster";
import { mayPass } from "../../wire";
import type { Link } from "../parts/link";

/** Callbacks to the desk. */
export interface PresenceListener {
  /** The announcement on a new connection was answered: the server knows what is monitored, or will not for a while. */
  announced: () => void;
  /** These queues are monitored now, on all of the librarian's monitors. */
  monitoring: (queueIds: readonly string[]) => void;
  /** The announcement was refused for good: the queues have to be chosen again. */
  chooseAgain: (why: string) => void;
  /** What this tab has to remember has changed. */
  changed: () => void;
  /** The number of open monitors has changed. The text is empty if there is nothing to say about it any more. */
  monitors: (text: string) => void;
  /** There is something to announce to a screen reader. */
  say: (text: string) => void;
}

/** What a tab remembers of its monitor. */
export interface StoredMonitor {
  monitorId: string;
  status: Status;
}

const PAUSE = 2_000;
/**
 * After how long the server's state counts even if it differs from the announcement: another monitor has changed it.
 */
const SETTLED = 5_000;

/** The presence of one librarian, as seen by one of their monitors. */
export class Presence {
  readonly #own = signal<OwnPresence | undefined>(undefined);
  readonly #wantedStatus = signal<Status>(Status.UNSPECIFIED);
  readonly #wantedQueues = signal<readonly string[] | undefined>(undefined);
  readonly #unconfirmed = signal(false);
  readonly #roster = signal<Roster>(noRoster);
  readonly #queues = signal<Queues>(noQueues);
  #monitorId = newCommandId();
  /** Whether the announcement on this connection is still unanswered. */
  #awaited = false;
  #announcedAt = 0;
  /** Whether the server has sent the librarian's presence since the last announcement. */
  #heard = false;
  #announceAt: number | undefined;
  #watchAt: number | undefined;

  /** The librarian's presence across all their monitors, as the server has it. */
  readonly own: ReadonlySignal<OwnPresence | undefined> = this.#own;
  /** The librarian's status: the one chosen last if it is unconfirmed, otherwise the server's. */
  readonly status = computed(() =>
    this.#unconfirmed.value && this.#wantedStatus.value !== Status.UNSPECIFIED
      ? this.#wantedStatus.value
      : (this.#own.value?.status ?? this.#wantedStatus.value),
  );
  /** Whether the server has not yet confirmed what the user chose last. */
  readonly unconfirmed: ReadonlySignal<boolean> = this.#unconfirmed;
  /** The librarians who share a queue with the user. */
  readonly roster: ReadonlySignal<Roster> = this.#roster;
  /** The state of the queues that the user may monitor. */
  readonly queues: ReadonlySignal<Queues> = this.#queues;
  /** On how many monitors the librarian is logged on. */
  readonly monitors = computed(() => this.#own.value?.monitors ?? 0);
  /** Whether the librarian is at the practice queue. */
  readonly practising: ReadonlySignal<boolean>;

  constructor(
    private readonly link: Link,
    profile: ReadonlySignal<Profile | undefined>,
    private readonly listener: PresenceListener,
  ) {
    this.practising = computed(() => {
      const practice = profile.value?.queues.filter((queue) => queue.practice).map((queue) => queue.queueId);
      return this.#own.value?.queueIds.some((id) => practice?.includes(id)) ?? false;
    });
  }

  /** What the tab is to remember. */
  get stored(): StoredMonitor {
    return { monitorId: this.#monitorId, status: this.#own.value?.status ?? this.#wantedStatus.value };
  }

  /** Restores the monitor that this tab was before a reload. */
  restore({ monitorId, status }: StoredMonitor, queueIds: readonly string[] | undefined): void {
    this.#monitorId = monitorId;
    this.#wantedStatus.value = status;
    this.#wantedQueues.value = queueIds;
  }

  /** Announces the monitor on a new connection, and watches the desk. */
  connected(): void {
    this.#awaited = true;
    this.#announce();
    this.#watch();
  }

  /** Chooses the queues to monitor. */
  monitor(queueIds: readonly string[]): void {
    this.#wantedQueues.value = queueIds;
    this.#change();
  }

  /** Chooses a status. */
  setStatus(status: Status): void {
    this.#wantedStatus.value = status;
    this.#change();
  }

  /** Tells the server that the monitor is closed on purpose, so that the librarian is gone for everyone at once. */
  leave(): void {
    this.link.send({ case: "goodbye", value: {} });
  }

  /** Handles a frame if it is about presence, and returns whether it was. */
  frame({ frame }: ServerFrame): boolean {
    switch (frame.case) {
      case "ownPresence":
        this.#present(frame.value);
        return true;
      case "desk":
        this.#deskChanged(frame.value);
        return true;
      case "refused": {
        const { refusal, commandId } = frame.value;
        if (refusal === undefined || commandId !== "") return false;
        if (refusal.metadata.request === "announce") this.#announceRefused(refusal);
        else if (refusal.metadata.request === "watch_desk")
          this.#watchAt = Date.now() + (refusal.retryAfterMs || PAUSE);
        else return false;
        return true;
      }
      default:
        return false;
    }
  }

  /** Retries what was refused for a while, and settles what stayed unconfirmed. */
  tick(now: number): void {
    if (this.#announceAt !== undefined && now >= this.#announceAt) this.#announce();
    if (this.#watchAt !== undefined && now >= this.#watchAt) this.#watch();
    this.#roster.value = expireLibrarians(this.#roster.value, now);
    const own = this.#own.value;
    if (this.#unconfirmed.value && own !== undefined && this.#heard && now - this.#announcedAt > SETTLED) {
      this.#unconfirmed.value = false;
      this.#adopt(own, undefined);
    }
  }

  /** Forgets everything; the next librarian at this page is another monitor. */
  clear(): void {
    this.#own.value = undefined;
    this.#wantedStatus.value = Status.UNSPECIFIED;
    this.#wantedQueues.value = undefined;
    this.#unconfirmed.value = false;
    this.#roster.value = noRoster;
    this.#queues.value = noQueues;
    this.#announceAt = undefined;
    this.#watchAt = undefined;
    this.#monitorId = newCommandId();
  }

  #change(): void {
    this.#unconfirmed.value = true;
    this.listener.changed();
    this.#announce();
  }

  /**
   * Announces what the user has chosen. Without an unconfirmed choice, the monitor only returns: what the user had chosen
   * counts if the lease has run out, and else what another monitor of theirs may have chosen meanwhile (R18).
   */
  #announce(): void {
    this.#announceAt = undefined;
    this.#announcedAt = Date.now();
    this.#heard = false;
    const queueIds = this.#wantedQueues.value;
    const value = {
      monitorId: this.#monitorId,
      status: this.#wantedStatus.value,
      ...(queueIds === undefined ? {} : { queues: { queueIds: [...queueIds] } }),
      returning: !this.#unconfirmed.value,
    };
    this.link.send({ case: "announce", value });
  }

  #watch(): void {
    this.#watchAt = undefined;
    this.link.send({ case: "watchDesk", value: {} });
  }

  #present(own: OwnPresence): void {
    const before = this.#own.value;
    this.#heard = true;
    this.#own.value = own;
    if (this.#unconfirmed.value && this.#isWanted(own)) this.#unconfirmed.value = false;
    if (!this.#unconfirmed.value) this.#adopt(own, before);
    const monitors = before?.monitors ?? 1;
    if (own.monitors !== monitors) this.listener.monitors(own.monitors > monitors ? loggedOnAt(own.monitors) : "");
    if (before !== undefined && before.status !== own.status) {
      this.listener.say(`Your status is ${statusWord(own.status)}.`);
    }
    this.#answered();
  }

  #answered(): void {
    if (!this.#awaited) return;
    this.#awaited = false;
    this.listener.announced();
  }

  /** Adopts the librarian's status and queues, on whichever monitor they were chosen. */
  #adopt(own: OwnPresence, before: OwnPresence | undefined): void {
    this.#wantedStatus.value = own.status;
    if (this.#wantedQueues.value === undefined && own.queueIds.length === 0) return;
    this.#wantedQueues.value = [...own.queueIds];
    if (before === undefined || !isSameSet(before.queueIds, own.queueIds)) this.listener.monitoring(own.queueIds);
    this.listener.changed();
  }

  #isWanted(own: OwnPresence): boolean {
    const status = this.#wantedStatus.value;
    const queues = this.#wantedQueues.value;
    const isStatus = status === Status.UNSPECIFIED || status === own.status;
    return isStatus && (queues === undefined || isSameSet(queues, own.queueIds));
  }

  #announceRefused(refusal: Refusal): void {
    if (refusal.reason === "SUPERSEDED") {
      // A duplicated tab has the same monitor id as the original, but each is a monitor of its own.
      this.#monitorId = newCommandId();
      this.listener.changed();
      return this.#announce();
    }
    if (mayPass(refusal)) {
      this.#announceAt = Date.now() + (refusal.retryAfterMs || PAUSE);
      return this.#answered();
    }
    const own = this.#own.value;
    this.#unconfirmed.value = false;
    this.#wantedStatus.value = own?.status ?? Status.UNSPECIFIED;
    this.#wantedQueues.value = own && [...own.queueIds];
    this.listener.chooseAgain(whyRefused(refusal));
    this.#answered();
  }

  #deskChanged(change: WatchDeskResponse): void {
    const now = Date.now();
    // In a hidden page, timers may be delayed by up to a minute.
    this.#roster.value = reduceRoster(expireLibrarians(this.#roster.value, now), change, now);
    this.#queues.value = reduceQueues(this.#queues.value, change);
  }
}

function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}

function loggedOnAt(monitors: number): string {
  return `You are logged on at ${monitors} monitors. Status and queues are the same on all of them, and each shows all your sessions.`;
}
