/** Ends a chat that a closed tab left open, when the patron begins another one. */
import { newCommandId } from "../../command_id";
import { GatewaySocket } from "../../socket";
import { endSession } from "../../state/deeds";
import { actFrame, nothingHappened } from "../../wire";
import { socketParts } from "../parts/link";
import type { RememberedChat } from "./remembered_chats";

/** After how many milliseconds without an outcome the end is sent again. */
const PAUSE = 5_000;
/** How often it is sent again. After that, the chat stays open until a librarian ends it. */
const TRIES = 24;

/** Ends a chat in the background, on a connection of its own. The page does not attend it, so it receives nothing of it. */
export function endChat({ sessionId, token }: RememberedChat): void {
  // The command is repeated as it is, so it is done once.
  const commandId = newCommandId();
  const end = actFrame(commandId, sessionId, endSession());
  let tries = TRIES;
  const socket = new GatewaySocket(socketParts(), {
    changed: ({ phase }) => {
      if (phase.name === "expired" || phase.name === "rejected") stop();
    },
    ready: () => socket.send(end),
    frame: ({ frame }) => {
      const isDone = frame.case === "accepted" && frame.value.commandId === commandId;
      const isRefused = frame.case === "refused" && frame.value.commandId === commandId;
      if (isDone || (isRefused && nothingHappened(frame.value.refusal))) stop();
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
