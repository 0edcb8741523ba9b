/**
 * Where does a warm request spend its time? Runs the server with `--cpu-prof` under the load of the question `viewer`, or
 * with `--public` of a field that needs nobody signed in, or with `--cold` of 150,000 tokens and `TOKEN_CACHE=off`, and says
 * whose code was running, by samples: that of the nearest file on the stack.
 * `npm run bench:profile -- [--seconds 15] [--public | --cold]`
 */
import { readdirSync, readFileSync } from 'node:fs'
import type { Profiler } from 'node:inspector'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fillNew } from './fill.ts'
import type { Load, Measure } from './load.ts'
import {
  describeMachine,
  startLatchkey,
  startLoad,
  stop,
  table,
  tell,
  toRequest,
  withFolder,
} from './runner.ts'
import { likeOthers, warmUpMs } from './terms.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '15' },
    public: { type: 'boolean', default: false },
    cold: { type: 'boolean', default: false },
  },
})
const filling = values.cold
  ? { users: 10_000, tokens: 150_000, known: 150_000 }
  : { users: 1_000, tokens: 1_000, known: 1_000 }

/** What is called to hand the answer to the system. */
const writing = ['writeUtf8String', 'writeLatin1String', 'writeBuffer', 'writev']

await withFolder(async (folder) => {
  const { file, tokens } = await fillNew(join(folder, 'latchkey.db'), filling)
  const server = await startLatchkey(file, {
    env: {
      ...likeOthers,
      ...(values.cold ? { TOKEN_CACHE: 'off' } : {}),
      NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}`,
    },
  })
  const loader = startLoad()
  const load: Load = {
    port: server.port,
    ...(values.public
      ? { request: toRequest('{ serverInfo { name version } }'), expected: '"serverInfo":{"name":"latchkey"' }
      : {
          request: toRequest('{ viewer { id username } }', { signedIn: true }),
          tokens,
          expected: '"viewer":{"id":"',
        }),
    connections: 32,
    durationMs: warmUpMs,
  }
  await tell<Measure>(loader, load)
  const { answered } = await tell<Measure>(loader, { ...load, durationMs: Number(values.seconds) * 1_000 })
  await stop(server.child, loader)
  const [name = ''] = readdirSync(folder).filter((each) => each.endsWith('.cpuprofile'))
  const profile = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Profiler.Profile
  console.log(`${describeMachine()} ${answered} requests, after a warm-up.\n`)
  for (const shares of toShares(profile)) console.log(`${table(['share', 'what'], shares)}\n`)
})

/** Shares of the time in which something ran: by whose code it is, and of Latchkey's by function. */
function toShares({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): [string, string][][] {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const parents = new Map(
    nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  )
  const owners = new Map<string, number>()
  const functions = new Map<string, number>()
  const add = (to: Map<string, number>, key: string, time: number): unknown =>
    to.set(key, (to.get(key) ?? 0) + time)
  // Only what came after the warm-up.
  const from = samples.length * (warmUpMs / (warmUpMs + Number(values.seconds) * 1_000))
  samples.forEach((sample, index) => {
    const leaf = byId.get(sample)?.callFrame.functionName ?? ''
    if (index < from || leaf === '(idle)') return
    const time = timeDeltas[index] ?? 0
    let id: number | undefined = sample
    let owner = leaf.startsWith('(') ? leaf : 'Node'
    while (id !== undefined && owner === 'Node') {
      const { url, functionName, lineNumber } = (byId.get(id) as Profiler.ProfileNode).callFrame
      const [, packageName] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? []
      const [, own] = /\/(src\/.*)$/.exec(url) ?? []
      if (packageName !== undefined) owner = packageName
      else if (own !== undefined) {
        owner = 'Latchkey'
        if (!writing.includes(leaf)) add(functions, `${own}:${lineNumber + 1} ${functionName}`, time)
      }
      id = parents.get(id)
    }
    add(owners, writing.includes(leaf) ? 'writing to the socket' : owner, time)
  })
  const whole = [...owners.values()].reduce((sum, time) => sum + time, 0)
  return [owners, functions].map((times) =>
    [...times]
      .sort(([, one], [, other]) => other - one)
      .filter(([, time]) => time > whole / 200)
      .map(([key, time]) => [`${((100 * time) / whole).toFixed(1)} %`, key] as [string, string]),
  )
}
