import { once } from "node:events";
import * as http2 from "node:http2";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { EventService } from "../src/gen/analytics/sessions/v1/event_service_pb.js";
import { SessionService } from "../src/gen/analytics/sessions/v1/session_service_pb.js";
import { VisitorService } from "../src/gen/analytics/sessions/v1/visitor_service_pb.js";
import { RetryInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";

export type Methods = Partial<ServiceImpl<typeof SessionService>> &
  Partial<ServiceImpl<typeof EventService>> &
  Partial<ServiceImpl<typeof VisitorService>>;

/** A service whose answers are made for a test, on a free port. */
export class Fake implements AsyncDisposable {
  readonly connections: http2.ServerHttp2Session[] = [];
  readonly sockets: Socket[] = [];
  /** Whether it hangs up at once. */
  isAway = false;

  private constructor(
    private readonly server: http2.Http2Server,
    readonly scheme: string,
  ) {
    server.on("session", (session) => this.connections.push(session));
    server.on("connection", (socket: Socket) => {
      this.sockets.push(socket);
      if (this.isAway) socket.resetAndDestroy();
    });
  }

  /** Starts it; with key and certificate it speaks TLS. */
  static async start(methods: Methods, tls?: http2.SecureServerOptions): Promise<Fake> {
    const handler = connectNodeAdapter({
      routes: (router) =>
        router
          .service(SessionService, methods)
          .service(EventService, methods)
          .service(VisitorService, methods),
    });
    const server = tls ? http2.createSecureServer(tls, handler) : http2.createServer(handler);
    const fake = new Fake(server as http2.Http2Server, tls ? "https" : "http");
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return fake;
  }

  get address(): string {
    return `${this.scheme}://127.0.0.1:${this.port}`;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Hangs up, now and on whoever calls, until `isAway` is false again. */
  leave(): void {
    this.isAway = true;
    for (const socket of this.sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.connections) connection.destroy();
    this.server.close();
    await once(this.server, "close");
  }
}

/** A way to a port that can swallow what comes on the connections so far, without closing them. */
export async function gate(port: number) {
  const sockets: Socket[] = [];
  const server = createServer((from) => {
    const to = connect(port, "127.0.0.1");
    sockets.push(from, to);
    for (const socket of [from, to]) socket.on("error", () => undefined);
    from.pipe(to).pipe(from);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    swallow: () => sockets.forEach((socket) => socket.unpipe().resume()),
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** An address of this machine at which connecting gets no answer, neither yes nor no. */
export async function unanswered() {
  // A thread that sleeps accepts nobody; when its queue is full, Linux lets others wait.
  const sleeping = `const { parentPort } = require("node:worker_threads");
    const server = require("node:net").createServer();
    server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const worker = new Worker(sleeping, { eval: true });
  const [port] = (await once(worker, "message")) as [number];
  const queue = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
  for (const socket of queue) socket.on("error", () => undefined);
  await Promise.all(queue.map((socket) => once(socket, "connect")));
  return {
    address: `127.0.0.1:${port}`,
    close: async () => {
      for (const socket of queue) socket.destroy();
      await worker.terminate();
    },
  };
}

/** UNAVAILABLE, with a delay in milliseconds that the server names, or without. */
export function unavailable(retryDelayMs?: number): ConnectError {
  const details = [];
  if (retryDelayMs !== undefined) {
    const retryDelay = durationFromMs(retryDelayMs);
    details.push({ desc: RetryInfoSchema, value: { retryDelay } });
  }
  return new ConnectError("not now", Code.Unavailable, undefined, details);
}
