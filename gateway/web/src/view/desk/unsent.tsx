interface UnsentProps {
  /** What was typed, by the box that it was typed in. */
  texts: Readonly<Record<string, string>>;
}

/** What was typed and can no longer be sent, so that it can be read and copied. */
export function Unsent({ texts }: UnsentProps) {
  return (
    <>
      {Object.entries(texts).map(
        ([box, text]) =>
          text.trim() !== "" && (
            <div key={box} class="unsent">
              <p class="hint">This was not sent:</p>
              <blockquote class="guarded-text">{text}</blockquote>
            </div>
          ),
      )}
    </>
  );
}
