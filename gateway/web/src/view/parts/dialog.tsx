import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import type { Confirmation } from "../../app/confirmation";
import { Announcements } from "./announcements";
import { focusOpenTab } from "./open_tab";

interface DialogProps {
  title: string;
  /** An alert asks for a decision that matters; a screen reader reads it out at once. */
  alert?: boolean;
  /** What Esc does, and a press outside of a dialog that asks nothing. */
  onCancel: () => void;
  children: ComponentChildren;
  class?: string;
}

/** A modal dialog: it holds the focus, and gives it back to where it was. */
export function Dialog({ title, alert = false, onCancel, children, class: extra = "" }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const goes = useRef(false);
  const id = useId();
  // At once: whoever takes the focus when the dialog goes has it last, also where closing one gives the focus back.
  useLayoutEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    dialog?.showModal();
    dialog?.querySelector<HTMLElement>("[data-first]")?.focus();
    return () => {
      goes.current = true;
      dialog?.close();
      // What opened it may be gone by now, and is so at once after the log-in: then the tab that is open has it.
      requestAnimationFrame(() => {
        if (document.activeElement !== document.body) return;
        if (before instanceof HTMLElement && before !== document.body && before.isConnected) before.focus();
        else focusOpenTab();
      });
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={`dialog ${extra}`}
      role={alert ? "alertdialog" : "dialog"}
      aria-labelledby={`${id}-title`}
      aria-describedby={alert ? `${id}-text` : undefined}
      onCancel={(event) => {
        event.preventDefault();
        onCancel();
      }}
      onClose={() => {
        // Some browsers close a dialog at the second Esc in a row, whatever it says: it goes only when it is taken away.
        if (!goes.current && ref.current?.isConnected && !ref.current.open) ref.current.showModal();
      }}
    >
      <h2 id={`${id}-title`} class="dialog-title">
        {title}
      </h2>
      <div id={`${id}-text`}>{children}</div>
      <Announcements />
    </dialog>
  );
}

interface ConfirmProps extends Confirmation {
  onCancel: () => void;
}

/** Asks before something that cannot be taken back. The focus is on the way back, so that a stray Enter does nothing. */
export function Confirm({ title, text, action, otherwise, onConfirm, onCancel }: ConfirmProps) {
  return (
    <Dialog title={title} alert onCancel={onCancel}>
      <p>{text}</p>
      <div class="dialog-actions">
        <button type="button" class="button" data-first onClick={onCancel}>
          {otherwise}
        </button>
        <button type="button" class="button danger" onClick={onConfirm}>
          {action}
        </button>
      </div>
    </Dialog>
  );
}
