/** The wire between one browser and Carrel, which can be cut. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A proxy that passes connections on to a Carrel until it is cut. */
export class Wire {
  readonly #sockets = new Set<Socket>();
  #cut = false;

  private constructor(
    private readonly server: Server,
    target: string,
  ) {
    const [host, port] = target.split(":") as [string, string];
    server.on("connection", (near) => {
      if (this.#cut) {
        near.destroy();
        return;
      }
      const far = connect(Number(port), host);
      this.#join(near, far);
      this.#join(far, near);
    });
  }

  /** Opens a wire to a host and port. */
  static async to(target: string): Promise<Wire> {
    const server = createServer();
    const wire = new Wire(server, target);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return wire;
  }

  /** The host and port to connect to. */
  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Cuts the wire: open connections break off, and no new ones get through. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Mends the wire: connections opened from now on get through. */
  mend(): void {
    this.#cut = false;
  }

  /** Closes the wire for good. */
  async close(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, "close");
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("error", () => to.destroy());
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    from.pipe(to);
  }
}
