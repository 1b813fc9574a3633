/** A question whether to do what cannot be taken back, in the words of the place that asks it. */
export interface Confirmation {
  title: string;
  text: string;
  /** What the button says that does it. */
  action: string;
  /** What the button says that does not. */
  otherwise: string;
  onConfirm: () => void;
}
