import type { Typist } from "../../state/typing";
import { texts } from "../../texts/texts";
import { subjectOf } from "../../words";

/** Says who is typing. Its place is kept free, so that nothing jumps. */
export function TypingLine({ typists, where }: { typists: readonly Typist[]; where?: (typist: Typist) => string }) {
  if (typists.length === 0) return null;
  return (
    <p class="typing">
      <span class="typing-dots" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      {typists.map((typist) => texts().chat.typing(subjectOf(typist.author), where?.(typist) ?? "")).join(" ")}
    </p>
  );
}
