/**
 * Run as a process, so that its own sockets do not count as the server's: `crowd.ts <port> <kind> <count> <token>` opens
 * that many connections of a kind, says `open`, and tells in one line of JSON what became of them when its input ends.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const [port, kind = '', count, token = ''] = process.argv.slice(2)

const long =
  '{ __schema { types { name description fields { name description args { name description } } } } }'
const readsNothing = kind === 'deaf' || kind === 'greedy'
const body = JSON.stringify({ query: readsNothing ? long : '{ viewer { username } }' })
const head = `POST /graphql HTTP/1.1\r\nHost: latchkey\r\nAuthorization: Token ${token}\r\nContent-Type: application/json\r\n`
const request = `${head}Content-Length: ${body.length}\r\n\r\n${body}`

/** What became of a connection. */
interface Member {
  socket: Socket
  received: string
  closed: boolean
}

const kinds: Record<string, (member: Member) => unknown> = {
  /** Asks once, reads the answer and stays. */
  idle: async ({ socket }) => {
    socket.write(request)
    await once(socket, 'data')
  },
  silent: () => {},
  slowHeaders: ({ socket }) => drip(socket, head.repeat(100)),
  slowBody: ({ socket }) => {
    socket.write(`${head}Content-Length: 10000\r\n\r\n`)
    drip(socket, '{"query":"'.padEnd(10_000))
  },
  /** Asks again and again, as long as the server takes it, and reads nothing. */
  greedy: ({ socket }) => {
    const write = (error?: Error | null): void => {
      if (!error && !socket.destroyed) socket.write(request.repeat(200), write)
    }
    write()
  },
  /** Asks a little at a time, and reads nothing either. */
  deaf: ({ socket }) => {
    const timer = setInterval(() => socket.write(request.repeat(2)), 250)
    socket.on('close', () => clearInterval(timer))
  },
}

/** One byte at a time. */
function drip(socket: Socket, text: string): void {
  let position = 0
  const timer = setInterval(() => socket.write(text[position++] ?? ' '), 200)
  socket.on('close', () => clearInterval(timer))
}

async function join(): Promise<Member> {
  const socket = connect({ host: '127.0.0.1', port: Number(port) })
  const member: Member = { socket, received: '', closed: false }
  socket.on('error', () => {}) // `close` follows
  socket.on('close', () => {
    member.closed = true
  })
  await once(socket, 'connect')
  if (readsNothing) socket.pause()
  else socket.on('data', (chunk) => (member.received += chunk))
  await kinds[kind]?.(member)
  return member
}

const members: Member[] = []
while (members.length < Number(count)) {
  const wanted = Math.min(200, Number(count) - members.length)
  members.push(...(await Promise.all(Array.from({ length: wanted }, join))))
}
process.stdout.write('open\n')
process.stdin.resume()
await once(process.stdin, 'end')
// Who reads nothing hears of its end only when the next write fails.
for (let waits = 0; kind === 'greedy' && waits < 100 && members.some(({ closed }) => !closed); waits++) {
  await sleep(100)
}
const report = {
  open: members.filter(({ closed }) => !closed).length,
  statuses: [...new Set(members.map(({ received }) => received.slice(9, 12)))],
}
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0))
