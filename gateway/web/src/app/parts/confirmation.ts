/** A question to confirm something that cannot be undone, in the words of the place that asks it. */
export interface Confirmation {
  title: string;
  text: string;
  /** The label of the button that confirms. */
  action: string;
  /** The label of the button that does not. */
  otherwise: string;
  onConfirm: () => void;
}
