import { mailLink, textParts } from "../../links";

/** A person's text as they wrote it, with its web and e-mail addresses as links. */
export function LinkedText({ text }: { text: string }) {
  return (
    <>
      {textParts(text).map((part, index) =>
        part.kind === "text" ? (
          part.text
        ) : part.address.startsWith("mailto:") ? (
          <a key={index} href={part.address}>
            {part.text}
          </a>
        ) : (
          <OutsideLink key={index} address={part.address}>
            {part.text}
          </OutsideLink>
        ),
      )}
    </>
  );
}

/** A link to another site. It opens in a new tab, which learns nothing of this page. */
export function OutsideLink({ address, children }: { address: string; children: string }) {
  return (
    <a href={address} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  );
}

/** An e-mail address, by which a letter to it can be begun. */
export function MailLink({ address }: { address: string }) {
  const link = mailLink(address);
  return link === undefined ? <span>{address}</span> : <a href={link}>{address}</a>;
}
