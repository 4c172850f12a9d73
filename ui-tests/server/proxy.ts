/** A proxy before a server that passes requests on, and sockets only when it is told to. */
import { IncomingMessage, Server, createServer, request } from 'http';
import { AddressInfo, Socket, connect } from 'net';

export class Proxy {
  private constructor(private readonly port: number) {
    this.server = createServer((asked, answer) => {
      const { method, url, headers } = asked;
      this.seen.push(url ?? '');
      const onward = request(
        { host: '127.0.0.1', port, method, path: url, headers },
        from => {
          answer.writeHead(from.statusCode ?? 502, from.headers);
          from.pipe(answer);
        }
      );
      onward.on('error', () => answer.destroy());
      asked.pipe(onward);
    });
    this.server.on('upgrade', (asked, socket: Socket, head) =>
      this.sockets ? this.pass(asked, socket, head) : socket.destroy()
    );
  }

  /** Whether sockets are passed on from now on; those that are open stay. */
  sockets = false;

  /** Paths of the requests so far. */
  readonly seen: string[] = [];

  static async before(url: string): Promise<Proxy> {
    const proxy = new Proxy(Number(new URL(url).port));
    await new Promise<void>(resolve =>
      proxy.server.listen(0, '127.0.0.1', resolve)
    );
    return proxy;
  }

  /** Without a slash at its end. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.open.forEach(socket => socket.destroy());
    this.server.closeAllConnections();
    this.server.close();
  }

  private pass(asked: IncomingMessage, socket: Socket, head: Buffer): void {
    const onward = connect(this.port, '127.0.0.1', () => {
      const lines = [`${asked.method} ${asked.url} HTTP/1.1`];
      for (let i = 0; i < asked.rawHeaders.length; i += 2) {
        lines.push(`${asked.rawHeaders[i]}: ${asked.rawHeaders[i + 1]}`);
      }
      onward.write(`${lines.join('\r\n')}\r\n\r\n`);
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    for (const one of [onward, socket]) {
      this.open.add(one);
      one.on('error', () => undefined);
      one.on('close', () => [onward, socket].forEach(each => each.destroy()));
    }
  }

  private readonly server: Server;
  private readonly open = new Set<Socket>();
}
