/** The state of each queue that the user may monitor. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { QueueState, WatchDeskResponse } from "../gen/carrel/presence/v1/presence_service_pb";
import { span } from "../time";

/** The queues, by id. */
export type Queues = ReadonlyMap<string, QueueState>;

/** The queues before anything is known about them. */
export const noQueues: Queues = new Map();

/**
 * Returns the queues after a change of the desk. A long snapshot comes in parts, so a queue that it leaves out stays as it
 * was; if the user may no longer monitor it, nothing shows it any more.
 */
export function reduceQueues(queues: Queues, { change }: WatchDeskResponse): Queues {
  switch (change.case) {
    case "snapshot":
      return new Map([...queues, ...change.value.queues.map((queue) => [queue.queueId, queue] as const)]);
    case "queue":
      return new Map(queues).set(change.value.queueId, change.value);
    default:
      return queues;
  }
}

/**
 * Says how many wait in a queue, and for how long the first has: "2 waiting, the longest 3 min". `now` is the server's.
 */
export function waitingWords(queue: QueueState, now: number): string {
  if (queue.waiting === 0) return "Nobody waiting";
  const longest = queue.oldestTime === undefined ? "" : `, the longest ${span(now - timestampMs(queue.oldestTime))}`;
  return `${queue.waiting} waiting${longest}`;
}

/** Says who would answer an offer by somebody who monitors the queue themselves, and so is among its librarians. */
export function othersWords(queue: QueueState): string {
  if (queue.librarians <= 1) return "Nobody but you";
  return staffWords({ ...queue, librarians: queue.librarians - 1 });
}

/** Says who is there for a queue: "2 librarians", or why patrons are not answered. */
export function staffWords(queue: QueueState): string {
  const there = queue.librarians === 1 ? "1 librarian" : `${queue.librarians} librarians`;
  if (!queue.open) return queue.librarians === 0 ? "Closed" : `Closed, ${there}`;
  if (queue.librarians === 0) return "Nobody there";
  return queue.staffed ? there : `${there}, nobody takes new patrons`;
}
