/** Ends a chat that a closed tab left open, when the patron has begun another one. */
import { GatewaySocket } from "../../socket";
import { endSession } from "../../state/deeds";
import { actFrame, mayPass } from "../../wire";
import { socketParts } from "../parts/link";
import type { OpenChat } from "./remembered_chats";

/** After how many milliseconds without an outcome the end is sent again. */
const PAUSE = 5_000;
/** How often it is sent again. After that, the library's next page tries again. */
const TRIES = 24;

/**
 * Ends a chat in the background, on a connection of its own. The page does not attend it, so it receives nothing of it.
 * Calls `done` when the chat has ended, or nobody is let into it any more.
 */
export function endChat({ sessionId, token }: OpenChat, commandId: string, done: () => void): void {
  // The command is repeated as it is, so it is done once.
  const end = actFrame(commandId, sessionId, endSession());
  let tries = TRIES;
  const socket = new GatewaySocket(socketParts(), {
    changed: ({ phase }) => {
      if (phase.name === "expired") done();
      if (phase.name === "expired" || phase.name === "rejected") stop();
    },
    ready: () => socket.send(end),
    frame: ({ frame }) => {
      if (frame.case !== "accepted" && frame.case !== "refused") return;
      if (frame.value.commandId !== commandId) return;
      const { value } = frame;
      if ("refusal" in value && value.refusal !== undefined && mayPass(value.refusal)) return;
      done();
      stop();
    },
    token: () => {},
  });
  const timer = setInterval(() => {
    tries -= 1;
    if (tries > 0) socket.send(end);
    else stop();
  }, PAUSE);
  function stop(): void {
    clearInterval(timer);
    socket.stop();
  }
  socket.start(token);
}
