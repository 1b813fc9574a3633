import { useState } from "preact/hooks";
import type { PatronChat } from "../../app/patron_chat";
import { Confirm } from "../parts/dialog";

/** Where the patron waits: what is known of the wait, and nothing that is not. */
export function WaitingRoom({ chat }: { chat: PatronChat }) {
  const [leaving, setLeaving] = useState(false);
  const view = chat.view.value;
  const connected = chat.link.isConnected.value;
  const again = view?.events.some((event) => event.payload.case === "returned") ?? false;
  return (
    <section class="waiting">
      <div class="card center waiting-card">
        <span class="waiting-mark" aria-hidden="true">
          <i />
          <i />
          <i />
        </span>
        <h1 class="display" aria-live="polite">
          {placeInQueue(view?.ahead)}
        </h1>
        <p class="lead">
          {connected
            ? "A librarian will join you here. You can look at other tabs meanwhile; this tab's title changes when somebody comes."
            : "The connection is lost. You keep your place, and we are trying to reach the library again."}
        </p>
        {again && <p>What you and your librarian have written so far is kept.</p>}
        <figure class="asked">
          <figcaption>Your question</figcaption>
          <blockquote>{view?.session?.question}</blockquote>
        </figure>
        <button type="button" class="button" onClick={() => setLeaving(true)}>
          Leave the queue
        </button>
      </div>
      {leaving && (
        <Confirm
          title="Leave the queue?"
          text="Your question is withdrawn and no librarian will answer it here. You can ask again at any time."
          action="Leave the queue"
          otherwise="Keep waiting"
          onCancel={() => setLeaving(false)}
          onConfirm={() => {
            setLeaving(false);
            chat.end();
          }}
        />
      )}
    </section>
  );
}

/** The place in the queue in words, without a promise of time. */
export function placeInQueue(ahead: number | undefined): string {
  if (ahead === undefined) return "You are in the queue";
  if (ahead === 0) return "You are next";
  return ahead === 1 ? "1 patron is ahead of you" : `${ahead} patrons are ahead of you`;
}
