import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";

interface SwitchProps {
  /** The setting that it switches, at once. */
  of: Signal<boolean>;
  class?: string;
  children: ComponentChildren;
}

/** A checkbox with its label. */
export function Switch({ of, class: extra, children }: SwitchProps) {
  return (
    <label class={extra ? `check ${extra}` : "check"}>
      <input
        type="checkbox"
        checked={of.value}
        onChange={(event) => {
          of.value = event.currentTarget.checked;
        }}
      />
      {children}
    </label>
  );
}
