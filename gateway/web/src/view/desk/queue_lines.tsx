import type { Desk } from "../../app/desk/desk";
import { staffWords, waitingWords } from "../../state/queues";
import { Icon } from "../parts/icon";

/** The state of a queue: who waits, and who is there for them. The time is updated each second. */
export function QueueFacts({ desk, queueId }: { desk: Desk; queueId: string }) {
  const queue = desk.presence.queues.value.get(queueId);
  if (queue === undefined) return null;
  const answered = queue.open && queue.staffed;
  return (
    <span class="queue-facts">
      <span class={queue.waiting > 0 ? "queue-waiting some" : "queue-waiting"}>
        {waitingWords(queue, desk.link.now.value)}
      </span>
      <span class={answered ? "queue-staff" : "queue-staff attention"}>
        {!answered && <Icon name="alert" />} {staffWords(queue)}
      </span>
    </span>
  );
}

/** The queues that the librarian monitors, each with its state. */
export function QueueLines({ desk }: { desk: Desk }) {
  const queueIds = desk.presence.own.value?.queueIds ?? [];
  if (queueIds.length === 0) return null;
  return (
    <ul class="queue-lines" aria-label="Your queues">
      {queueIds.map((queueId) => (
        <li key={queueId} class="queue-line">
          <strong>{desk.queueName(queueId)}</strong>
          <QueueFacts desk={desk} queueId={queueId} />
        </li>
      ))}
    </ul>
  );
}
