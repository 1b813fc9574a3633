import type { ComponentChildren } from "preact";

/** Words for screen readers, where something visible says the same. Spaces set them apart from what is beside them. */
export function Hidden({ children }: { children: ComponentChildren }) {
  return <span class="visually-hidden"> {children} </span>;
}
