import type { Link } from "../../app/parts/link";
import { texts } from "../../texts/texts";

/** Shows whether the page is connected, in words and always in the same place. */
export function ConnectionMark({ link }: { link: Link }) {
  const { text, kind, rest, way } = describe(link);
  return (
    <div class={`connection ${kind}`}>
      <span class="connection-dot" aria-hidden="true" />
      <span class="connection-text" role="status" aria-label={texts().connection.label}>
        {text}
      </span>
      {rest && (
        // The attempts and the countdown between them go on and on: screen readers must not read them out.
        <span class="connection-rest" aria-hidden="true">
          {rest}
        </span>
      )}
      {way && (
        <button type="button" class="link-button" onClick={way.go}>
          {way.word}
        </button>
      )}
    </div>
  );
}

interface Standing {
  text: string;
  kind: "good" | "busy" | "bad";
  rest?: string;
  /** What the user can do about it. */
  way?: { word: string; go: () => void };
}

function describe(link: Link): Standing {
  const { phase } = link.connection.value;
  const words = texts().connection;
  if (!link.online.value && phase.name !== "connected") return { text: words.offline, kind: "bad" };
  switch (phase.name) {
    case "connected":
      if (link.isInDoubt.value) return { text: words.checking, kind: "busy" };
      return { text: words.connected, kind: "good" };
    case "waiting": {
      // Subscribes to the clock, so that the countdown goes on.
      void link.localNow.value;
      const seconds = Math.max(1, Math.ceil((phase.retryAt - Date.now()) / 1_000));
      const way = { word: words.tryNow, go: () => link.tryNow() };
      return { text: words.reconnecting, rest: words.inSeconds(seconds), kind: "bad", way };
    }
    case "opening":
    case "greeting":
    case "renewing":
      return link.connection.value.failures > 0
        ? { text: words.reconnecting, rest: "…", kind: "busy" }
        : { text: words.connecting, kind: "busy" };
    case "expired":
      return { text: words.loggedOut, kind: "bad" };
    case "rejected":
      return { text: words.outOfDate, kind: "bad", way: { word: words.reload, go: () => location.reload() } };
    case "idle":
      return { text: words.notConnected, kind: "busy" };
  }
}
