import type { EventEmitter } from 'node:events'
import type { Http2Session, ServerHttp2Stream } from 'node:http2'

/** The connections of a server that speak HTTP/2; there are none where it does not. */
export interface Http2Sessions {
  /** Tells each client to send its next request over another connection; those under way are answered. */
  sendElsewhere(): void
}

/** The highest number of a stream: none that is under way is turned away (RFC 9113 §6.8). */
const anyStream = 2 ** 31 - 1

/** Keeps account of sessions, and ends those on which nothing was asked for `idleMs`: pings would keep them for ever. */
export function keepSessions(server: EventEmitter, idleMs: number): Http2Sessions {
  const sessions = new Map<Http2Session | undefined, { running: number; idleSince: number }>()

  server.on('session', (session: Http2Session) => {
    sessions.set(session, { running: 0, idleSince: performance.now() })
    session.once('close', () => sessions.delete(session))
  })
  server.on('stream', (stream: ServerHttp2Stream) => {
    const state = sessions.get(stream.session) as { running: number; idleSince: number } // it has come before
    state.running++
    stream.once('close', () => {
      state.running--
      state.idleSince = performance.now()
    })
  })
  const timer = setInterval(() => {
    for (const [session, { running, idleSince }] of sessions) {
      if (running === 0 && performance.now() - idleSince > idleMs) session?.close()
    }
  }, idleMs / 10).unref()
  server.once('close', () => clearInterval(timer))

  return {
    sendElsewhere() {
      for (const session of sessions.keys()) session?.goaway(0, anyStream)
    },
  }
}
