import { useRef, useState } from "preact/hooks";
import { ApiError, eraseSession } from "../../api";
import type { Desk } from "../../app/desk/desk";
import { newCommandId } from "../../command_id";
import type { Session } from "../../gen/carrel/session/v1/session_pb";
import { patronOf } from "../../patron_label";
import { dayAndTime } from "../../time";
import { Dialog } from "../parts/dialog";

interface EraseDialogProps {
  desk: Desk;
  session: Session;
  onErased: (session: Session) => void;
  onCancel: () => void;
}

/**
 * Asks whether what was said in an ended session is to be erased (R20), and says what is lost.
 *
 * It stays until the server has answered: whoever asks again after an error sends the same command, which is done once.
 */
export function EraseDialog({ desk, session, onErased, onCancel }: EraseDialogProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const commandId = useRef(newCommandId());
  const patron = patronOf(session, "a patron");
  const cancel = () => {
    if (!busy) onCancel();
  };
  const erase = async () => {
    if (busy) return;
    setBusy(true);
    setError("");
    try {
      const answer = await eraseSession(desk.accessToken, session.sessionId, commandId.current);
      if (answer.session !== undefined) onErased(answer.session);
      onCancel();
    } catch (failure) {
      setError(failure instanceof ApiError ? failure.message : "The session could not be erased. Try again.");
      setBusy(false);
    }
  };
  return (
    <Dialog title="Erase this session for good?" alert onCancel={cancel}>
      <p>
        The session with {patron} of {dayAndTime(session.openTime)}: the patron's name, e-mail address and question, all
        messages, web pages and notes, and the names of who wrote them will be gone, for everyone. This cannot be
        undone.
      </p>
      <p>
        What statistics need stays: the library, the queue, when the session began and ended, and how. That you erased
        it is written to the audit.
      </p>
      {error && (
        <p class="notice bad" role="alert">
          {error}
        </p>
      )}
      <div class="dialog-actions">
        <button type="button" class="button" data-first aria-disabled={busy} onClick={cancel}>
          Keep it
        </button>
        <button type="button" class="button danger" aria-disabled={busy} onClick={() => void erase()}>
          {busy ? "Erasing …" : "Erase"}
        </button>
      </div>
    </Dialog>
  );
}
