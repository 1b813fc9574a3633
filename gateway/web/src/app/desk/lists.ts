/** Watches the lists: for which queues, what they show, and when to request them again. */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { Refusal } from "../../gen/carrel/refusal/v1/refusal_pb";
import type { WatchSessionsResponse } from "../../gen/carrel/session/v1/session_service_pb";
import { whyRefused } from "../../refusal_words";
import { expireRows, type Lists, noLists, reduceLists } from "../../state/lists";
import { mayPass } from "../../wire";
import type { Link } from "../parts/link";

const WATCH_PAUSE = 2_000;

/** The lists that one librarian watches. */
export class WatchedLists {
  readonly #lists = signal<Lists>(noLists);
  readonly #queueIds = signal<readonly string[] | undefined>(undefined);
  #watchAt: number | undefined;

  /** The lists. */
  readonly lists: ReadonlySignal<Lists> = this.#lists;
  /** The queues that are watched, or `undefined` before the librarian has chosen. */
  readonly queueIds: ReadonlySignal<readonly string[] | undefined> = this.#queueIds;

  /** `all` is whether All is watched too; `chooseAgain` is told why the queues have to be chosen again. */
  constructor(
    private readonly link: Link,
    private readonly all: ReadonlySignal<boolean>,
    private readonly chooseAgain: (why: string) => void,
  ) {}

  /** Sets the queues, if any, that the next `watch` asks for. */
  choose(queueIds: readonly string[] | undefined): void {
    this.#queueIds.value = queueIds;
  }

  /** Watches these queues from now on, unless they are watched already. */
  follow(queueIds: readonly string[]): void {
    const before = this.#queueIds.value;
    if (before?.length === queueIds.length && queueIds.every((id) => before.includes(id))) return;
    this.#queueIds.value = queueIds;
    this.watch();
  }

  /** Requests the lists from the gateway. */
  watch(): void {
    this.#watchAt = undefined;
    const queueIds = [...(this.#queueIds.value ?? [])];
    this.link.send({ case: "watch", value: { queueIds, all: this.all.value } });
  }

  /** Applies a change of the lists. */
  change(change: WatchSessionsResponse): void {
    this.#lists.value = reduceLists(this.#lists.value, change, Date.now());
  }

  /** Handles that the gateway refused the watch. */
  refused(refusal: Refusal): void {
    if (mayPass(refusal)) {
      this.#watchAt = Date.now() + (refusal.retryAfterMs || WATCH_PAUSE);
      return;
    }
    this.#queueIds.value = undefined;
    this.chooseAgain(whyRefused(refusal));
  }

  /** Removes expired rows, and retries a watch that was refused for a while. */
  tick(now: number): void {
    this.#lists.value = expireRows(this.#lists.value, now);
    if (this.#watchAt !== undefined && now >= this.#watchAt) this.watch();
  }

  /** Forgets the lists and the queues. */
  clear(): void {
    this.#lists.value = noLists;
    this.#queueIds.value = undefined;
  }
}
