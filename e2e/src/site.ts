/** A library's own web site, of another origin than Carrel, with the chat in its pages. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Styles that would spoil the widget if they reached it. */
const STYLES = `
  * { font-size: 40px !important; text-transform: uppercase !important; letter-spacing: 1em !important; }
  div, dialog, button { position: static !important; background: #ffff00 !important; visibility: visible !important; }
`;

/** What the page "/contact" says of how the widget is to be. */
const CHOSEN = 'data-label="Ask a librarian of Maple" data-side="left" data-color="#ffcc00"';

/**
 * A web site with the pages "/", "/catalogue" and "/contact", whose content security policy allows only what the widget
 * needs.
 */
export class Site {
  /** Where Carrel is, once that is known. */
  #gateway = "";

  private constructor(private readonly server: Server) {
    server.on("request", (request, response) => {
      if (request.url === "/site.css") {
        response.writeHead(200, { "content-type": "text/css" }).end(STYLES);
        return;
      }
      // Its styles and its icon are the site's own.
      const own = "default-src 'none'; style-src 'self'; img-src data:";
      const policy = `${own}; script-src ${this.#gateway}; frame-src ${this.#gateway}`;
      const headers = { "content-type": "text/html; charset=utf-8", "content-security-policy": policy };
      if (request.url === "/") response.writeHead(200, headers).end(this.#page("Maple County Library", "/catalogue"));
      else if (request.url === "/catalogue") response.writeHead(200, headers).end(this.#page("Catalogue", "/"));
      else if (request.url === "/contact") response.writeHead(200, headers).end(this.#page("Contact", "/", CHOSEN));
      else response.writeHead(404).end();
    });
  }

  /** Opens the site on a free port. */
  static async open(): Promise<Site> {
    const server = createServer();
    const site = new Site(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return site;
  }

  /** The site's origin. Its host is another one than Carrel's, so that browsers take them for strangers. */
  get origin(): string {
    return `http://localhost:${(this.server.address() as AddressInfo).port}`;
  }

  /** Puts the chat of a Carrel into the pages. */
  embed(gateway: string): void {
    this.#gateway = gateway;
  }

  /** Closes the site. */
  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }

  #page(title: string, other: string, chosen = ""): string {
    return `<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <title>${title}</title>
          <link rel="icon" href="data:," />
          <link rel="stylesheet" href="/site.css" />
          <script src="${this.#gateway}/embed.js" data-library="maple" ${chosen} async></script>
        </head>
        <body>
          <main>
            <h1>${title}</h1>
            <form role="search"><label>Search <input name="q" autofocus /></label></form>
            <p><a href="${other}">Go on</a></p>
          </main>
        </body>
      </html>`;
  }
}
