import { useState } from "preact/hooks";

/** What was wrong with the user's last attempt. */
export interface Wrong {
  /** Empty if nothing was wrong. */
  text: string;
  /** How often the text has been set. */
  tries: number;
}

/** Keeps what was wrong with the user's last attempt. */
export function useWrong(): [Wrong, (text: string) => void] {
  const [wrong, setWrong] = useState<Wrong>({ text: "", tries: 0 });
  return [wrong, (text) => setWrong(({ tries }) => ({ text, tries: tries + 1 }))];
}

interface WrongLineProps {
  wrong: Wrong;
  class: string;
  id?: string;
}

/** Says what was wrong, aloud too. Screen readers read only what is added, so each attempt gets a new element. */
export function WrongLine({ wrong: { text, tries }, class: look, id }: WrongLineProps) {
  if (text === "") return null;
  return (
    <p key={tries} id={id} class={look} role="alert">
      {text}
    </p>
  );
}
