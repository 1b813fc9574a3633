/** What a librarian has not seen yet of the sessions on the desk: the marks at rows, lists and tabs (D62). */
import { computed } from "@preact/signals";
import type { SessionEvent } from "../../gen/carrel/session/v1/session_event_pb";
import { Part, SessionState } from "../../gen/carrel/session/v1/session_pb";
import { type SessionView, unread } from "../../state/session";
import type { Link } from "../parts/link";

/** What one librarian has not seen yet. */
export class Unread {
  /** The sessions with events that the librarian has not seen. */
  readonly sessions = computed(() => [...this.link.sessions.value.values()].filter((view) => this.countIn(view) > 0));
  /** How many of them are listed under All. */
  readonly inAll = computed(() => this.sessions.value.filter(isListedInAll).length);
  /** How many of them are listed under My Active. */
  readonly inMyActive = computed(() => this.sessions.value.length - this.inAll.value);

  constructor(
    private readonly link: Pick<Link, "sessions" | "input">,
    private readonly isOwn: (event: SessionEvent) => boolean,
  ) {}

  /** How many events of a session the librarian has not seen. */
  countIn(view: SessionView): number {
    return unread(view, this.isOwn);
  }

  /** Notes that the librarian has looked at a session. Returns whether there was anything that they had not seen. */
  see(view: SessionView): boolean {
    if (view.seen === view.events.length) return false;
    this.link.input(view.sessionId, { kind: "seen" });
    return true;
  }

  /** Up to which position each session was seen, as the tab stores it. */
  get stored(): Record<string, number> {
    return Object.fromEntries([...this.link.sessions.value.values()].map((view) => [view.sessionId, view.seen]));
  }
}

/** Whether a session on the desk is listed under All: another librarian's, until it ends and moves to My Active. */
function isListedInAll({ part, session }: SessionView): boolean {
  return part === Part.COLLEAGUE && session?.state !== SessionState.ENDED;
}
