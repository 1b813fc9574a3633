import type { ComponentChildren } from "preact";

/** Words for those who do not see what says the same. They stand apart from what is beside them. */
export function Hidden({ children }: { children: ComponentChildren }) {
  return <span class="visually-hidden"> {children} </span>;
}
