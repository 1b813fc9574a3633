import { useState } from "preact/hooks";

/** What was wrong with the user's last try. */
export interface Wrong {
  /** Empty if nothing was. */
  text: string;
  /** How often something was said of a try. */
  tries: number;
}

/** Keeps what was wrong with the user's last try. */
export function useWrong(): [Wrong, (text: string) => void] {
  const [wrong, setWrong] = useState<Wrong>({ text: "", tries: 0 });
  return [wrong, (text) => setWrong(({ tries }) => ({ text, tries: tries + 1 }))];
}

interface WrongLineProps {
  wrong: Wrong;
  class: string;
  id?: string;
}

/** Says what was wrong, aloud too. Screen readers say only what is added, so that each try has a line of its own. */
export function WrongLine({ wrong: { text, tries }, class: look, id }: WrongLineProps) {
  if (text === "") return null;
  return (
    <p key={tries} id={id} class={look} role="alert">
      {text}
    </p>
  );
}
