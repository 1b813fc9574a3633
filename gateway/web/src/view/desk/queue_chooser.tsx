import { useState } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import { lastQueues } from "../../app/parts/settings";
import type { Queue } from "../../gen/carrel/directory/v1/directory_service_pb";
import { Dialog } from "../parts/dialog";
import { QueueFacts } from "./queue_lines";

/** Asks which queues to monitor. None is preselected at first: monitoring a queue is a promise to its patrons (D27). */
export function QueueChooser({ desk }: { desk: Desk }) {
  const queues = desk.profile.value?.queues ?? [];
  const isFirst = desk.queueIds.value === undefined;
  // Fixed when the dialog opens, so that no box changes just as the user presses it.
  const [chosen, setChosen] = useState<ReadonlySet<string>>(() => new Set(desk.queueIds.value));
  const [touched, setTouched] = useState(false);
  const toggle = (queue: Queue) => {
    setChosen(toggled(chosen, queue, queues));
    setTouched(true);
  };
  // They may be chosen already on another monitor of the same librarian, which this page learns a little later.
  const elsewhere = queues.filter((queue) => desk.queueIds.value?.includes(queue.queueId));
  const offersElsewhere = !touched && elsewhere.some((queue) => !chosen.has(queue.queueId));
  const take = (ids: ReadonlySet<string>) =>
    desk.chooseQueues(queues.map((queue) => queue.queueId).filter((id) => ids.has(id)));
  const cancel = () => (isFirst ? desk.chooseQueues([]) : desk.cancel());
  const last = lastQueues(desk.profile.value?.librarianId ?? "");
  const again = queues.filter((queue) => last.includes(queue.queueId));
  return (
    <Dialog title="Which queues do you watch?" class="queue-chooser" onCancel={cancel}>
      <p>
        You see the patrons waiting in them under New, and you count as being there for them. You can change this at any
        time.
      </p>
      {queues.length === 0 && (
        <p class="notice">
          No queue is open to you yet. Ask the administrator of {desk.profile.value?.institutionName} to add you to one.
        </p>
      )}
      {offersElsewhere && (
        <button
          type="button"
          class="button again"
          onClick={() => take(new Set(elsewhere.map((queue) => queue.queueId)))}
        >
          Same as on your other monitor: {elsewhere.map((queue) => queue.name).join(", ")}
        </button>
      )}
      {isFirst && again.length > 0 && (
        <button type="button" class="button again" onClick={() => take(new Set(again.map((queue) => queue.queueId)))}>
          Same as last time: {again.map((queue) => queue.name).join(", ")}
        </button>
      )}
      <fieldset class="queues">
        <legend class="visually-hidden">Queues</legend>
        {queues.map((queue, index) => (
          <label key={queue.queueId} class="queue">
            <input
              type="checkbox"
              data-first={index === 0 ? true : undefined}
              checked={chosen.has(queue.queueId)}
              onChange={() => toggle(queue)}
            />
            <span>
              <strong>{queue.name}</strong>
              {queue.primary && <span class="tag">your library</span>}
              {queue.practice && <span class="tag">Practice</span>}
              <span class="queue-libraries">Patrons of {queue.institutionNames.join(", ")}</span>
              <QueueFacts desk={desk} queueId={queue.queueId} />
            </span>
          </label>
        ))}
      </fieldset>
      <p class="hint" role="status">
        {chosenWords(chosen, queues)}
      </p>
      <div class="dialog-actions">
        <button type="button" class="button primary" onClick={() => take(chosen)}>
          Save
        </button>
        <button type="button" class="button" onClick={cancel}>
          {isFirst ? "No queue for now" : "Cancel"}
        </button>
      </div>
    </Dialog>
  );
}

/** Toggles a queue. A practice queue is not monitored together with others: choosing one gives the others up (D36). */
function toggled(chosen: ReadonlySet<string>, queue: Queue, queues: readonly Queue[]): ReadonlySet<string> {
  const next = new Set(chosen);
  if (next.delete(queue.queueId)) return next;
  if (queue.practice) return new Set([queue.queueId]);
  for (const other of queues) if (other.practice) next.delete(other.queueId);
  return next.add(queue.queueId);
}

function chosenWords(chosen: ReadonlySet<string>, queues: readonly Queue[]): string {
  if (chosen.size === 0) return "No queue chosen: you get no new patrons.";
  if (queues.some((queue) => queue.practice && chosen.has(queue.queueId))) {
    return "Practice: you get practice patrons only, and no other queue can be chosen with it.";
  }
  return `${chosen.size} of ${queues.length} chosen`;
}
