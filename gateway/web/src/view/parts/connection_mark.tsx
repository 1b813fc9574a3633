import type { Link } from "../../app/link";

/** Whether the page is connected, in words and always in the same place. */
export function ConnectionMark({ link }: { link: Link }) {
  const { text, kind, rest, canTry } = describe(link);
  return (
    <div class={`connection ${kind}`}>
      <span class="connection-dot" aria-hidden="true" />
      <span class="connection-text" role="status" aria-label="Connection">
        {text}
      </span>
      {rest && (
        // Each attempt, and the count between them, go on and on, which nobody wants to hear.
        <span class="connection-rest" aria-hidden="true">
          {rest}
        </span>
      )}
      {canTry && (
        <button type="button" class="link-button" onClick={() => link.wake()}>
          Try now
        </button>
      )}
    </div>
  );
}

function describe(link: Link): { text: string; kind: "good" | "busy" | "bad"; rest?: string; canTry?: boolean } {
  const { phase } = link.connection.value;
  if (!link.online.value && phase.name !== "connected") return { text: "Offline", kind: "bad" };
  switch (phase.name) {
    case "connected":
      return { text: "Connected", kind: "good" };
    case "waiting": {
      // The local clock counts here, and the signal below only makes the count go on.
      void link.now.value;
      const seconds = Math.max(1, Math.ceil((phase.retryAt - Date.now()) / 1_000));
      return { text: "Reconnecting", rest: `in ${seconds} s`, kind: "bad", canTry: true };
    }
    case "opening":
    case "greeting":
    case "renewing":
      return link.connection.value.failures > 0
        ? { text: "Reconnecting", rest: "…", kind: "busy" }
        : { text: "Connecting …", kind: "busy" };
    case "expired":
      return { text: "Logged out", kind: "bad" };
    case "rejected":
      return { text: "Reload this page", kind: "bad" };
    case "idle":
      return { text: "Not connected", kind: "busy" };
  }
}
