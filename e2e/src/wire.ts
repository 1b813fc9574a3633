/** The wire between one browser and Carrel, which can be cut. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Passes connections on to a Carrel until it is cut. */
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

  /** Lays a wire to a host and port. */
  static async to(target: string): Promise<Wire> {
    const server = createServer();
    const wire = new Wire(server, target);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return wire;
  }

  /** Where it begins. */
  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Cuts it: what runs breaks off, and nothing gets through any more. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Mends it: what is begun from now on gets through. */
  mend(): void {
    this.#cut = false;
  }

  /** Takes it away. */
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
