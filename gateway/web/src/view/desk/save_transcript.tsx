import { useRef, useState } from "preact/hooks";
import { ApiError, exportTranscript, type TranscriptView } from "../../api";
import type { Desk } from "../../app/desk/desk";
import type { Session } from "../../gen/carrel/session/v1/session_pb";
import { saveText, transcriptName, transcriptText } from "../../transcript_text";
import { Icon } from "../parts/icon";

interface SaveTranscriptProps {
  desk: Desk;
  session: Session;
  view: TranscriptView;
  /** Whether the transcript can be saved now. */
  enabled: boolean;
  /** What went wrong; empty when it is tried again. */
  onError: (error: string) => void;
  /** The session, or its patron's name, turned out to be erased. */
  onErased: (session: Session) => void;
}

/**
 * Saves a transcript as a text file. The server gives out what is in the file after it has written the export to the
 * audit (R21), so nothing of what the page shows already is saved without it.
 */
export function SaveTranscript({ desk, session, view, enabled, onError, onErased }: SaveTranscriptProps) {
  const [busy, setBusy] = useState(false);
  /** Two clicks before the page is drawn again must not become two exports. */
  const underWay = useRef(false);
  const save = async () => {
    if (!enabled || underWay.current) return;
    underWay.current = true;
    setBusy(true);
    onError("");
    try {
      const exported = await exportTranscript(desk.accessToken, session.sessionId, view);
      if (exported.session === undefined) throw new Error("the answer has no session");
      const isNews = session.eraseTime === undefined && exported.session.eraseTime !== undefined;
      const isNameless = session.identityEraseTime === undefined && exported.session.identityEraseTime !== undefined;
      if (isNews || isNameless) onErased(exported.session);
      if (isNews) return;
      const reader = { isOwn: () => false, isPatron: view === "patron", queueName: desk.queueName };
      const text = transcriptText(exported.session, exported.events, reader);
      saveText(transcriptName(`transcript-${view}`, exported.session), text);
    } catch (failure) {
      onError(failure instanceof ApiError ? failure.message : "The transcript could not be saved. Try again.");
    } finally {
      underWay.current = false;
      setBusy(false);
    }
  };
  return (
    <button type="button" class="button small" aria-disabled={!enabled || busy} onClick={() => void save()}>
      <Icon name="file" /> {busy ? "Saving …" : "Save as text"}
    </button>
  );
}
